import { classOf, drawLegend, drawLoads, drawToken, nameOf, topExpert } from "./experts.js";
import { getJson, ServerError, setKey, stream } from "./stream.js";

const secondsBetweenLoads = 2;
const find = id => document.getElementById(id);

const page = {
  model: null,
  names: null,
  isChat: false,
  messages: [],       // of the chat
  running: null,      // an AbortController while a text is generated
  tokens: new Map(),  // by their elements
};

async function connect() {
  try {
    const [models, experts, tokenizer] = await Promise.all(["/v1/models", "/experts", "/tokenizer_info"].map(getJson));
    page.model = models.data[0].id;
    page.names = experts.experts;
    find("model").textContent = page.model;
    document.title = `${page.model} – Bam`;
    find("tab-chat").disabled = !tokenizer.chat_template;
    if (!tokenizer.chat_template) find("tab-chat").title = "The model has no chat template";
    drawLegend(find("legend"), page.names, Math.max(
      ...experts.layers.map(layer => Math.max(layer.load_share.length, layer.attention_gate.length))));
    find("key-field").hidden = find("key").value === "";
    find("status").textContent = "ready";
    showError(null);
    return true;
  } catch (error) {
    showError(error);
    return false;
  }
}

async function showLoads() {
  if (document.hidden || page.model === null) return;
  try {
    drawLoads(find("loads"), (await getJson("/experts")).layers, page.names);
  } catch {
    find("status").textContent = "the server does not answer";
  }
}

function showError(error) {
  find("error").hidden = error === null;
  find("error").textContent = error?.message ?? "";
  if (error instanceof ServerError && error.status === 401) find("key-field").hidden = false;
}

async function generate() {
  if (page.running || (page.model === null && !await connect())) return;
  const text = find("text").value;
  const running = page.running = new AbortController();
  setRunning(true);
  showError(null);
  if (page.isChat) {
    page.messages.push({ role: "user", content: text });
    addMessage("user").textContent = text;
    find("text").value = "";
  } else {
    find("conversation").replaceChildren();
    page.tokens.clear();
  }

  const place = addMessage(page.isChat ? "assistant" : "Text");
  if (!page.isChat) place.append(text);
  try {
    const answer = await receive(place, running.signal, text);
    if (page.isChat) page.messages.push({ role: "assistant", content: answer });
  } catch (error) {
    if (error.name !== "AbortError") showError(error);
    if (page.isChat) page.messages.pop();
  } finally {
    page.running = null;
    setRunning(false);
  }
}

async function receive(place, signal, prompt) {
  const [path, input] = page.isChat
    ? ["/v1/chat/completions", { messages: page.messages }]
    : ["/v1/completions", { prompt }];
  const begin = performance.now();
  let [answer, first] = ["", null];
  for await (const chunk of stream(path, { model: page.model, ...settings(), ...input }, signal)) {
    for (const choice of chunk.choices) {
      const text = choice.text ?? choice.delta.content ?? "";
      answer += text;
      const tokens = choice.bam?.tokens ?? [];
      if (tokens.length > 0) first ??= performance.now();
      for (const token of tokens) addToken(place, token);
      if (tokens.length === 0 && text) place.append(text);
    }

    if (chunk.usage) showFigures(chunk.usage, begin, first ?? begin);
  }

  return answer;
}

function settings() {
  const body = {};
  const fields = { max_tokens: "max-tokens", temperature: "temperature", top_p: "top-p", seed: "seed" };
  for (const [name, id] of Object.entries(fields)) if (find(id).value !== "") body[name] = Number(find(id).value);
  return body;
}

function showFigures(usage, begin, first) {
  const [toFirst, toLast] = [first, performance.now()].map(time => ((time - begin) / 1000).toFixed(2));
  find("figures").textContent = `${usage.completion_tokens} tokens in ${toLast} s after a prompt of ${usage.prompt_tokens}, `
    + `the first after ${toFirst} s`;
}

function addMessage(role) {
  const [message, title, text] = ["div", "h3", "div"].map(name => document.createElement(name));
  message.className = "message";
  title.textContent = role;
  text.className = "text";
  message.append(title, text);
  find("conversation").append(message);
  return text;
}

function addToken(place, token) {
  if (token.text === "" && !token.experts) return;
  const expert = topExpert(token);
  const element = document.createElement("span");
  element.className = expert === null ? "token" : `token ${classOf(expert)}`;
  element.textContent = token.text;
  element.classList.toggle("line-break", token.text.includes("\n"));
  element.tabIndex = page.tokens.size === 0 ? 0 : -1;
  element.setAttribute("role", "button");
  element.title = expert === null ? `id ${token.id}` : `id ${token.id}, expert ${nameOf(page.names, expert)}`;
  page.tokens.set(element, token);
  place.append(element);
}

function chooseToken(element) {
  const token = page.tokens.get(element);
  if (!token) return;
  for (const other of page.tokens.keys()) {
    other.tabIndex = other === element ? 0 : -1;
    other.setAttribute("aria-current", other === element);
  }

  find("token").hidden = false;
  find("token-hint").hidden = true;
  find("token-text").textContent = JSON.stringify(token.text);
  drawToken(find("token-layers"), token, page.names);
}

function moveAmongTokens(event) {
  if (!page.tokens.has(event.target)) return;
  const all = [...page.tokens.keys()];
  const at = all.indexOf(event.target);
  const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined || !all[next]) return;
  event.preventDefault();
  all[next].focus();
}

function chooseTab(isChat) {
  page.isChat = isChat;
  for (const [id, chosen] of [["tab-prompt", !isChat], ["tab-chat", isChat]]) {
    find(id).setAttribute("aria-selected", chosen);
    find(id).tabIndex = chosen ? 0 : -1;
    if (chosen) find("panel").setAttribute("aria-labelledby", id);
  }

  find("text-label").textContent = isChat ? "Message" : "Prompt";
  find("send").textContent = isChat ? "Send" : "Generate";
  clear();
}

function clear() {
  page.running?.abort();
  page.messages = [];
  page.tokens.clear();
  find("conversation").replaceChildren();
  find("token").hidden = true;
  find("token-hint").hidden = false;
  find("figures").textContent = "";
}

function setRunning(isRunning) {
  find("send").disabled = isRunning;
  find("stop").disabled = !isRunning;
  find("status").textContent = isRunning ? "generating" : "ready";
}

find("panel").addEventListener("submit", event => {
  event.preventDefault();
  generate();
});
find("stop").addEventListener("click", () => page.running?.abort());
find("clear").addEventListener("click", clear);
find("key-form").addEventListener("submit", event => event.preventDefault());
find("key").addEventListener("change", event => {
  setKey(event.target.value);
  connect();
});
find("conversation").addEventListener("click", event => chooseToken(event.target));
find("conversation").addEventListener("focusin", event => chooseToken(event.target));
find("conversation").addEventListener("keydown", moveAmongTokens);
for (const [id, isChat] of [["tab-prompt", false], ["tab-chat", true]]) {
  find(id).addEventListener("click", () => chooseTab(isChat));
  find(id).addEventListener("keydown", event => {
    const other = find(isChat ? "tab-prompt" : "tab-chat");
    if (!["ArrowLeft", "ArrowRight"].includes(event.key) || other.disabled) return;
    other.focus();
    other.click();
  });
}

document.addEventListener("keydown", event => {
  if (event.key === "Escape") page.running?.abort();
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) generate();
});

await connect();
await showLoads();
setInterval(showLoads, secondsBetweenLoads * 1000);
