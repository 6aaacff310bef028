// Rewrites the tokens of a tag where the package's parser lacks something into what it has.

/** The names under which tests, and marks of the rewriting, are applied as filters. */
export const TEST = "is ";
export const NEGATED_TEST = "is not ";
export const PARENTHESES = "()";
export const TUPLE = "(,)";

/** Functions that the rewriting calls. */
export const GENERATION = "{% generation %}";
export const WITH = "{% with %}";

/** The prefix of the first variable of a loop that calls itself. */
export const RECURSIVE = "recursive ";

const OPENING = new Map([
  ["OpenParen", "CloseParen"], ["OpenSquareBracket", "CloseSquareBracket"], ["OpenCurlyBracket", "CloseCurlyBracket"],
]);
const CLOSING = new Set(OPENING.values());
const WORDS = new Set(["if", "else", "and", "or", "not", "in", "is", "recursive", "for", "set", "elif"]);
const STARTS_ARGUMENT = new Set([
  "Identifier", "StringLiteral", "NumericLiteral", "OpenParen", "OpenSquareBracket", "OpenCurlyBracket",
]);

const token = (type, value) => ({ type, value });
const isWord = (item, ...words) => item?.type === "Identifier" && words.includes(item.value);

/** True for a token that can end an operand. */
const endsOperand = (item) =>
  CLOSING.has(item?.type) || ["StringLiteral", "NumericLiteral"].includes(item?.type)
  || (item?.type === "Identifier" && !WORDS.has(item.value));

/** The tokens of {% generation %} and {% endgeneration %}. */
export const generationTag = (word) => (word === "generation" ? call(GENERATION) : statement([token("Identifier", "endcall")]));

/** The tokens of one tag, rewritten. */
export function rewriteTag(tokens) {
  if (tokens[0].type === "OpenStatement") {
    const word = tokens[1]?.value;
    if (word === "endwith") return statement([token("Identifier", "endcall")]);
    if (word === "with") return openScope(tokens.slice(2, -1));
    if (word === "for") tokens = markRecursive(tokens);
  }
  return markParentheses(rewriteTests(tokens));
}

const statement = (inner) => [token("OpenStatement", "{%"), ...inner, token("CloseStatement", "%}")];

const call = (name) => statement([
  token("Identifier", "call"), token("Identifier", name), token("OpenParen", "("), token("CloseParen", ")"),
]);

// {% with a = 1, b = 2 %} opens a scope and sets variables in it, {% set a, b = 1, 2 %}: the values do not see the variables.
function openScope(inner) {
  const [names, values] = [[], []];
  let depth = 0;
  for (const item of inner) {
    if (OPENING.has(item.type)) depth++;
    if (CLOSING.has(item.type)) depth--;
    if (depth === 0 && item.type === "Comma") {
      names.push(item);
      values.push(item);
    } else if (depth === 0 && item.type === "Equals") {
      names.push(...values.splice(values.findLastIndex((other) => other.type === "Comma") + 1));
    } else {
      values.push(item);
    }
  }
  if (names.length === 0) return call(WITH);
  const assignment = [token("Identifier", "set"), ...names, token("Equals", "="), ...values];
  return [...call(WITH), ...statement(rewriteTests(assignment))];
}

function markRecursive(tokens) {
  if (!isWord(tokens.at(-2), "recursive") || !endsOperand(tokens.at(-3))) return tokens;
  const first = tokens.findIndex((item, i) => i > 1 && item.type === "Identifier");
  return tokens.toSpliced(-2, 1).map((item, i) => (i === first ? token("Identifier", RECURSIVE + item.value) : item));
}

// x is divisibleby 3 → x | "is divisibleby"(3)
function rewriteTests(tokens) {
  const rewritten = [];
  for (let i = 0; i < tokens.length; i++) {
    if (!isWord(tokens[i], "is") || !endsOperand(tokens[i - 1])) {
      rewritten.push(tokens[i]);
      continue;
    }
    const negated = isWord(tokens[i + 1], "not");
    const name = tokens[i + (negated ? 2 : 1)];
    if (!["Identifier", "ComparisonBinaryOperator"].includes(name?.type)) throw new Error("'is' without the name of a test");
    rewritten.push(token("Pipe", "|"), token("Identifier", (negated ? NEGATED_TEST : TEST) + name.value));
    i += negated ? 2 : 1;
    const next = tokens[i + 1];
    if (!STARTS_ARGUMENT.has(next?.type) || isWord(next, "else", "or", "and", "if", "not", "in", "is", "recursive")) continue;
    const end = endOfOperand(tokens, i + 1);
    const argument = rewriteTests(tokens.slice(i + 1, end));
    rewritten.push(...(next.type === "OpenParen" ? argument : [token("OpenParen", "("), ...argument, token("CloseParen", ")")]));
    i = end - 1;
  }
  return rewritten;
}

/** The index after a primary expression and what is attached to it: .name, [index] and (arguments). */
function endOfOperand(tokens, start) {
  let end = endOfGroup(tokens, start);
  if (tokens[start].type === "OpenParen") return end; // the arguments of the test
  for (;;) {
    if (tokens[end]?.type === "Dot") end += 2;
    else if (tokens[end]?.type === "OpenSquareBracket" || tokens[end]?.type === "OpenParen") end = endOfGroup(tokens, end);
    else return end;
  }
}

function endOfGroup(tokens, start) {
  if (!OPENING.has(tokens[start].type)) return start + 1;
  let depth = 0;
  for (let i = start; i < tokens.length; i++) {
    if (OPENING.has(tokens[i].type)) depth++;
    if (CLOSING.has(tokens[i].type) && --depth === 0) return i + 1;
  }
  throw new Error("a bracket without its end");
}

// (a == b) == c compares a truth value, a == b == c is a chain: after parsing, only this mark tells them apart.
function markParentheses(tokens) {
  const [rewritten, open] = [[], []];
  let isTarget = isWord(tokens[1], "for"); // of the loop, up to its "in"
  tokens.forEach((item, i) => {
    rewritten.push(item);
    if (isWord(item, "in")) isTarget = false;
    if (item.type === "OpenParen") open.push({ isGroup: !endsOperand(tokens[i - 1]) && i > 0, at: rewritten.length });
    if (item.type !== "CloseParen") return;
    const { isGroup, at } = open.pop() ?? {};
    if (!isGroup || isTarget) return;
    if (["Comma", "OpenParen"].includes(tokens[i - 1].type)) {
      // (a,) and () are tuples: ([a] | tuple)
      rewritten.splice(-1, 1);
      if (tokens[i - 1].type === "Comma") rewritten.splice(-1, 1);
      rewritten.splice(at, 0, token("OpenSquareBracket", "["));
      rewritten.push(token("CloseSquareBracket", "]"), token("Pipe", "|"), token("Identifier", TUPLE), item);
    }
    const next = tokens[i + 1];
    if (next?.type === "ComparisonBinaryOperator" || isWord(next, "in", "not"))
      rewritten.push(token("Pipe", "|"), token("Identifier", PARENTHESES));
  });
  return rewritten;
}
