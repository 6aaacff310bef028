// Draws experts: a token's in each layer, and the load of all since the server's start.

const colours = 8;
const narrowest = 0.2;  // part of a bar that has room for its number

export const classOf = expert => `expert-${expert % colours}`;

// The expert that took a token in most layers; of a mixture of attention alone, the one with the largest gates; null for none.
export function topExpert(token) {
  const votes = [];
  for (const experts of token.experts ?? []) if (experts.length > 0) votes[experts[0]] = (votes[experts[0]] ?? 0) + 1;
  if (votes.length === 0) {
    for (const gates of token.gates ?? []) gates.forEach((gate, expert) => { votes[expert] = (votes[expert] ?? 0) + gate; });
  }

  let best = null;
  votes.forEach((vote, expert) => { if (best === null || vote > votes[best]) best = expert; });
  return best;
}

export function drawLegend(list, names, count) {
  list.replaceChildren(...Array.from({ length: count }, (_, expert) => {
    const item = document.createElement("li");
    const swatch = element("span", `swatch ${classOf(expert)}`);
    item.append(swatch, nameOf(names, expert));
    return item;
  }));
}

// A row for each layer: the feed-forward experts, and the attention gates as a bar.
export function drawToken(place, token, names) {
  if (!token.experts) {
    place.replaceChildren(element("p", "hint", "The last token is not read by the model: it has no experts."));
    return;
  }

  const rows = token.experts.map((experts, layer) => row(
    `layer ${layer}`,
    experts.map(expert => nameOf(names, expert)).join(", ") || "–",
    bar(token.gates[layer], names)));
  place.replaceChildren(table(["", "feed-forward", "attention gates"], rows));
}

export function drawLoads(place, layers, names) {
  const rows = layers.map((layer, index) => row(
    `layer ${index}`, bar(layer.load_share, names), bar(layer.attention_gate, names)));
  place.replaceChildren(table(["", "tokens taken", "mean attention gate"], rows));
}

export function nameOf(names, expert) {
  return names?.[expert] ? `${expert} ${names[expert]}` : `${expert}`;
}

function bar(parts, names) {
  if (parts.length === 0) return "–";
  const whole = element("div", "bar");
  whole.setAttribute("role", "img");
  whole.setAttribute("aria-label", parts.map((part, expert) => `${nameOf(names, expert)}: ${percent(part)}`).join(", "));
  parts.forEach((part, expert) => {
    const piece = element("span", classOf(expert), part >= narrowest ? percent(part) : "");
    piece.style.width = `${100 * part}%`;
    piece.title = `${nameOf(names, expert)}: ${percent(part)}`;
    whole.append(piece);
  });
  return whole;
}

const percent = part => `${Math.round(100 * part)} %`;

function table(titles, rows) {
  const [whole, head, body] = ["table", "thead", "tbody"].map(name => document.createElement(name));
  const line = document.createElement("tr");
  for (const title of titles) line.append(element("th", "", title));
  head.append(line);
  body.append(...rows);
  whole.append(head, body);
  return whole;
}

function row(title, ...cells) {
  const line = document.createElement("tr");
  line.append(element("th", "", title));
  for (const cell of cells) {
    const field = document.createElement("td");
    field.append(cell);
    line.append(field);
  }

  return line;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}
