// Cuts a template into text and tags as Jinja does with trim_blocks and lstrip_blocks, and lets the package read each tag.
// Every tag is preceded by a comment token that holds its line, so that faults have a place.
import { tokenize } from "jinja";
import { generationTag, rewriteTag } from "tags";

/** A fault of the template, whatever the messages are; the line counts from 1. */
export class TemplateFault extends Error {
  constructor(message, line) {
    super(message);
    this.line = line;
  }
}

const CLOSING = new Map([["{%", "%}"], ["{{", "}}"], ["{#", "#}"]]);
const SPACE = "\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LEADING_SPACE = new RegExp(`^[${SPACE}]+`);
const TRAILING_SPACE = new RegExp(`[${SPACE}]+$`);
const LAST_LINE_OF_SPACE = new RegExp(`(^|\\n)[${SPACE}]*$`);

export const stripStart = (value) => value.replace(LEADING_SPACE, "");
export const stripEnd = (value) => value.replace(TRAILING_SPACE, "");

/** The package's tokens of a template. */
export function readTokens(source) {
  source = source.replace(/\r\n?/g, "\n");
  if (source.endsWith("\n")) source = source.slice(0, -1);
  const tokens = [];
  let position = 0;
  let atLineStart = true; // a newline before the next text was removed
  while (position < source.length) {
    const open = nextOpening(source, position);
    let content = source.slice(position, open);
    if (open === source.length) {
      addText(tokens, content);
      break;
    }
    const tag = readTag(source, open);
    if (tag.stripsBefore) content = stripEnd(content);
    else if (tag.kind !== "{{" && !tag.keepsBefore && startsItsLine(content, atLineStart))
      content = content.slice(0, content.lastIndexOf("\n") + 1);
    addText(tokens, content);
    position = tag.end;
    const raw = tag.kind === "{%" && tag.content.trim() === "raw" ? readRaw(source, tag) : null;
    if (raw) {
      addText(tokens, raw.content);
      position = raw.end;
    } else if (tag.kind !== "{#") {
      tokens.push({ type: "Comment", value: `line ${tag.line}` });
      for (const token of tagTokens(tag)) {
        token.line = tag.line;
        tokens.push(token);
      }
    }
    const ending = raw?.tag ?? tag;
    const before = position;
    if (ending.stripsAfter) position += source.slice(position).length - stripStart(source.slice(position)).length;
    else if (ending.kind !== "{{" && !ending.keepsAfter && source[position] === "\n") position++;
    atLineStart = position > before && source[position - 1] === "\n";
  }
  return tokens;
}

function startsItsLine(content, atLineStart) {
  const line = content.slice(content.lastIndexOf("\n") + 1);
  return (content.includes("\n") || atLineStart) && line !== "" && LAST_LINE_OF_SPACE.test(content);
}

function addText(tokens, value) {
  if (value !== "") tokens.push({ type: "Text", value });
}

const lineOf = (source, position) => source.slice(0, position).split("\n").length;

function nextOpening(source, from) {
  for (let at = source.indexOf("{", from); at >= 0; at = source.indexOf("{", at + 1)) {
    if (CLOSING.has(source.slice(at, at + 2))) return at;
  }
  return source.length;
}

function readTag(source, start) {
  const kind = source.slice(start, start + 2);
  const line = lineOf(source, start);
  const sign = source[start + 2];
  const inner = start + 2 + (sign === "-" || sign === "+" ? 1 : 0);
  const [content, close] = kind === "{#" ? readComment(source, inner, line) : readContent(source, inner, CLOSING.get(kind), line);
  const last = content.at(-1);
  const signed = last === "-" || (last === "+" && kind !== "{{");
  return {
    kind, line, end: close + 2,
    content: signed ? content.slice(0, -1) : content,
    stripsBefore: sign === "-", keepsBefore: sign === "+",
    stripsAfter: last === "-", keepsAfter: signed && last === "+",
  };
}

function readComment(source, inner, line) {
  const close = source.indexOf("#}", inner);
  if (close < 0) throw new TemplateFault("a comment {# without its end #}", line);
  return [source.slice(inner, close), close];
}

// Rewrites string literals on the way, for the package knows fewer escapes than Python.
function readContent(source, inner, closing, line) {
  let content = "";
  let braces = 0;
  for (let at = inner; at < source.length;) {
    const letter = source[at];
    if (letter === "'" || letter === '"') {
      const end = endOfString(source, at, line);
      content += literal(unescape(source.slice(at + 1, end - 1)));
      at = end;
      continue;
    }
    const digits = /[\w.]/.test(source[at - 1]) ? null : /^\d[\w.]*(?:(?<=e)[+-]\d+)?/i.exec(source.slice(at, at + 80));
    if (digits) {
      content += number(digits[0]) ?? digits[0];
      at += digits[0].length;
      continue;
    }
    if (source.startsWith(closing, at) && (braces === 0 || closing === "%}")) return [content, at];
    if (letter === "{") braces++;
    if (letter === "}") braces--;
    content += letter;
    at++;
  }
  throw new TemplateFault(`a tag without its end ${closing}`, line);
}

function endOfString(source, start, line) {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === source[start]) return at + 1;
  }
  throw new TemplateFault("a string without its closing quote", line);
}

// Digits for forms that the package does not know: 1e3, 1_000, 0x1f.
function number(digits) {
  const plain = digits.replaceAll("_", "");
  if (/^0[xob]/i.test(plain)) return String(Number(plain));
  if (!/^\d+(\.\d+)?e[+-]?\d+$/i.test(plain)) return /^\d+(\.\d+)?$/.test(plain) ? plain : null;
  const value = Number(plain);
  return value >= 1e15 ? `${BigInt(value)}.0` : value.toFixed(Math.min(100, value < 1 ? 40 : 20));
}

const literal = (value) =>
  `"${value.replace(/[\\"\n\r]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)}"`;

const SIMPLE = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", a: "\x07", "\\": "\\", "'": "'", '"': '"', "\n": "" };

// A group that takes no part is undefined, with Jint sometimes empty.
const unescape = (value) => value.replace(
  /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([0-7]{1,3})|([^]))/gi,
  (all, x, u, long, octal, other) => {
    if (other) return Object.hasOwn(SIMPLE, other) ? SIMPLE[other] : all;
    return String.fromCodePoint(octal ? parseInt(octal, 8) : parseInt(x || u || long, 16));
  });

function readRaw(source, tag) {
  const pattern = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/g;
  pattern.lastIndex = tag.end;
  const found = pattern.exec(source);
  if (!found) throw new TemplateFault("{% raw %} without {% endraw %}", tag.line);
  let content = source.slice(tag.end, found.index);
  if (tag.stripsAfter) content = stripStart(content);
  if (found[1] === "-") content = stripEnd(content);
  else if (found[1] !== "+" && startsItsLine(content, false)) content = content.slice(0, content.lastIndexOf("\n") + 1);
  return {
    content, end: found.index + found[0].length,
    tag: { kind: "{%", stripsAfter: found[2] === "-", keepsAfter: found[2] === "+" },
  };
}

function tagTokens(tag) {
  // The package would leave them out.
  if (tag.kind === "{%" && ["generation", "endgeneration"].includes(tag.content.trim())) return generationTag(tag.content.trim());
  try {
    return rewriteTag(tokenize(`${tag.kind} ${tag.content} ${CLOSING.get(tag.kind)}`));
  } catch (error) {
    throw new TemplateFault(error.message, tag.line);
  }
}
