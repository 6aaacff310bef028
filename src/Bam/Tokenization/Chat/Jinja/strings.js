// The methods of Python's str, and its two ways of formatting.
import {
  Dict, Func, Int, List, None, Str, Tuple,
  bool, isNumber, items, joinTexts, list, repeat, repr, requireLength, str, text, typeName,
} from "values";
import { stripEnd, stripStart } from "lexer";

const isNone = (value) => value === undefined || value instanceof None;

function requireText(value, what) {
  if (!(value instanceof Str)) throw new Error(`${what} must be str, not ${value ? typeName(value) : "nothing"}`);
  return value.value;
}


/** str.strip(chars), of one or both ends. */
export function strip(value, chars, start, end) {
  if (isNone(chars)) {
    if (start) value = stripStart(value);
    return end ? stripEnd(value) : value;
  }
  const letters = new Set(requireText(chars, "strip's argument"));
  const all = [...value];
  let [first, last] = [0, all.length];
  while (start && first < last && letters.has(all[first])) first++;
  while (end && last > first && letters.has(all[last - 1])) last--;
  return all.slice(first, last).join("");
}

const upperFirst = (word) => {
  const [first = "", ...rest] = word;
  return first.toUpperCase() + rest.join("").toLowerCase();
};

export const capitalize = upperFirst;

/** str.title: letters after another character than a letter are capital. */
const title = (value) => value.replace(/\p{L}+/gu, upperFirst);

const LINE_END = /(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])$/;
const LINES = /[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*(?:\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|$)/g;

export function splitLines(value, keepEnds = false) {
  const lines = value.match(LINES) ?? [];
  if (lines.at(-1) === "") lines.pop();
  return keepEnds ? lines : lines.map((line) => line.replace(LINE_END, ""));
}

function split(value, separator, most, fromRight) {
  const limit = isNone(most) || most.value < 0 ? Infinity : Number(most.value);
  const parts = isNone(separator)
    ? wordsOf(value, limit, fromRight)
    : piecesOf(value, requireText(separator, "sep"), limit, fromRight);
  return list(parts.map((part) => new Str(part)));
}

function wordsOf(value, limit, fromRight) {
  const words = [];
  let rest = fromRight ? stripEnd(value) : stripStart(value);
  while (rest !== "" && words.length < limit) {
    const word = fromRight ? rest.slice(lastSpace(rest) + 1) : rest.slice(0, firstSpace(rest));
    words.push(word);
    rest = fromRight ? stripEnd(rest.slice(0, rest.length - word.length)) : stripStart(rest.slice(word.length));
  }
  if (rest !== "") words.push(rest);
  return fromRight ? words.reverse() : words;
}

const isSpace = (unit) => stripStart(unit) === "";
const firstSpace = (value) => { let i = 0; while (i < value.length && !isSpace(value[i])) i++; return i; };
const lastSpace = (value) => { let i = value.length - 1; while (i >= 0 && !isSpace(value[i])) i--; return i; };

function piecesOf(value, separator, limit, fromRight) {
  if (separator === "") throw new Error("empty separator");
  const pieces = value.split(separator);
  if (pieces.length - 1 <= limit) return pieces;
  return fromRight
    ? [pieces.slice(0, pieces.length - limit).join(separator), ...pieces.slice(pieces.length - limit)]
    : [...pieces.slice(0, limit), pieces.slice(limit).join(separator)];
}

/** str.replace: at most "most" of them, all if it is below 0 or absent. */
export function replace(value, from, to, most) {
  let left = isNone(most) || most.value < 0 ? Infinity : Number(most.value);
  if (left === Infinity) return joinTexts(from === "" ? ["", ...value, ""] : value.split(from), to);
  let [out, rest] = ["", value];
  while (left-- > 0) {
    const at = rest.indexOf(from, from === "" && out !== "" ? 1 : 0);
    if (at < 0 || (from === "" && at > rest.length)) break;
    out += rest.slice(0, at) + to;
    rest = rest.slice(at + from.length);
  }
  return out + rest;
}

function partition(value, separator, fromRight) {
  const at = fromRight ? value.lastIndexOf(separator) : value.indexOf(separator);
  const parts = at < 0 ? (fromRight ? ["", "", value] : [value, "", ""])
    : [value.slice(0, at), separator, value.slice(at + separator.length)];
  return new Tuple(parts.map((part) => new Str(part)));
}

function starts(value, prefix, atEnd) {
  const prefixes = prefix instanceof Tuple ? prefix.value : [prefix];
  return bool(prefixes.some((one) => {
    const content = requireText(one, `${atEnd ? "endswith" : "startswith"}'s argument`);
    return atEnd ? value.endsWith(content) : value.startsWith(content);
  }));
}

function find(value, part, start, last) {
  const letters = [...value];
  const from = isNone(start) ? 0 : start.value < 0 ? Math.max(0, letters.length + start.value) : start.value;
  const before = letters.slice(0, from).join("").length;
  const at = last ? value.lastIndexOf(part) : value.indexOf(part, before);
  return at < before ? -1 : [...value.slice(0, at)].length;
}

const padded = (value, width, fill, left) => {
  const missing = Math.max(0, width - [...value].length);
  const before = Math.floor(missing * left);
  return str(repeat(fill, before) + value + repeat(fill, missing - before));
};

export const center = (value, width, fill = " ") => {
  const missing = Math.max(0, width - [...value].length);
  const before = Math.floor(missing / 2) + (missing & width & 1);
  return str(repeat(fill, before) + value + repeat(fill, missing - before));
};

const every = (pattern) => (value) => bool(value !== "" && pattern.test(value));
const cased = (convert) => (value) => bool(value === convert(value) && value.toLowerCase() !== value.toUpperCase());
const occurrences = (value, part) => (part === "" ? [...value].length + 1 : value.split(part).length - 1);
const fillOf = (args) => (args[1] ? requireText(args[1], "the fill character") : " ");

const METHODS = {
  upper: (value) => str(value.toUpperCase()),
  lower: (value) => str(value.toLowerCase()),
  casefold: (value) => str(value.toLowerCase().replaceAll("ß", "ss")),
  swapcase: (value) => str([...value].map((one) => (one === one.toUpperCase() ? one.toLowerCase() : one.toUpperCase())).join("")),
  capitalize: (value) => str(capitalize(value)),
  title: (value) => str(title(value)),
  strip: (value, [chars]) => str(strip(value, chars, true, true)),
  lstrip: (value, [chars]) => str(strip(value, chars, true, false)),
  rstrip: (value, [chars]) => str(strip(value, chars, false, true)),
  split: (value, [separator, most], named) => split(value, separator ?? named.get("sep"), most ?? named.get("maxsplit"), false),
  rsplit: (value, [separator, most], named) => split(value, separator ?? named.get("sep"), most ?? named.get("maxsplit"), true),
  splitlines: (value, [keepEnds], named) =>
    list(splitLines(value, !!(keepEnds ?? named.get("keepends"))?.value).map((line) => new Str(line))),
  replace: (value, [from, to, most], named) => {
    const [before, after] = [requireText(from, "replace's argument"), requireText(to, "replace's argument")];
    return str(replace(value, before, after, most ?? named.get("count")));
  },
  startswith: (value, [prefix]) => starts(value, prefix, false),
  endswith: (value, [suffix]) => starts(value, suffix, true),
  removeprefix: (value, [prefix]) => {
    const start = requireText(prefix, "removeprefix's argument");
    return str(value.startsWith(start) ? value.slice(start.length) : value);
  },
  removesuffix: (value, [suffix]) => {
    const end = requireText(suffix, "removesuffix's argument");
    return str(end !== "" && value.endsWith(end) ? value.slice(0, -end.length) : value);
  },
  find: (value, [part, start]) => new Int(find(value, requireText(part, "find's argument"), start, false)),
  rfind: (value, [part, start]) => new Int(find(value, requireText(part, "rfind's argument"), start, true)),
  index: (value, [part, start]) => {
    const at = find(value, requireText(part, "index's argument"), start, false);
    if (at < 0) throw new Error("substring not found");
    return new Int(at);
  },
  count: (value, [part]) => new Int(occurrences(value, requireText(part, "count's argument"))),
  join: (value, [parts]) => str(joinTexts(items(parts).map((part) => requireText(part, "an item of join")), value)),
  partition: (value, [separator]) => partition(value, requireText(separator, "partition's argument"), false),
  rpartition: (value, [separator]) => partition(value, requireText(separator, "rpartition's argument"), true),
  ljust: (value, args) => padded(value, args[0].value, fillOf(args), 0),
  rjust: (value, args) => padded(value, args[0].value, fillOf(args), 1),
  center: (value, args) => center(value, args[0].value, fillOf(args)),
  zfill: (value, [width]) => {
    const sign = /^[+-]/.test(value) ? value[0] : "";
    return str(sign + repeat("0", width.value - [...value].length) + value.slice(sign.length));
  },
  isdigit: every(/^\p{Nd}+$/u),
  isdecimal: every(/^\p{Nd}+$/u),
  isnumeric: every(/^\p{N}+$/u),
  isalpha: every(/^\p{L}+$/u),
  isalnum: every(/^[\p{L}\p{N}]+$/u),
  isspace: (value) => bool(value !== "" && stripStart(value) === ""),
  isupper: cased((value) => value.toUpperCase()),
  islower: cased((value) => value.toLowerCase()),
  format: (value, args, named) => formatBraces(value, args, named),
};

/** A method of a string; undefined if it has none of that name. */
export function stringMethod(value, name) {
  return Object.hasOwn(METHODS, name) ? new Func((args, named) => METHODS[name](value.value, args, named)) : undefined;
}

/** "%s of %d" % values. */
export function format(pattern, values) {
  const given = values instanceof Tuple ? [...values.value] : [values];
  let next = 0;
  const take = (name) => {
    if (name) {
      if (!(values instanceof Dict) || !values.value.has(name)) throw new Error(`format requires a mapping with '${name}'`);
      return values.value.get(name);
    }
    if (next >= given.length) throw new Error("not enough arguments for format string");
    return given[next++];
  };
  const conversions = /%(?:\(([^)]*)\))?([-0+ #]*)(\d*)(?:\.(\d+))?(.|$)/gs;
  const out = pattern.replace(conversions, (all, name, flags, width, precision, type) => {
    if (type === "%") return "%";
    requireLength({ length: Math.max(Number(width), Number(precision || 0)) });
    const content = conversion(type, take(name), precision, flags);
    if (flags.includes("-")) return content.padEnd(Number(width));
    return flags.includes("0") && type !== "s" && type !== "r"
      ? content.replace(/\d.*/, (digits) => digits.padStart(Number(width) - (content.length - digits.length), "0"))
      : content.padStart(Number(width));
  });
  if (next < given.length && !(values instanceof Dict))
    throw new Error("not all arguments converted during string formatting");
  return str(out);
}

function conversion(type, value, precision, flags) {
  const cut = (content) => (!precision ? content : [...content].slice(0, Number(precision)).join(""));
  if (type === "s") return cut(text(value));
  if (type === "r") return cut(repr(value));
  if (!isNumber(value)) throw new Error(`%${type} format: a number is required, not ${typeName(value)}`);
  const number = Number(value.value);
  const sign = number >= 0 && flags.includes("+") ? "+" : "";
  if ("di".includes(type)) return sign + String(Math.trunc(number));
  if ("fF".includes(type)) return sign + number.toFixed(precision ? Number(precision) : 6);
  if (type === "x") return sign + Math.trunc(number).toString(16);
  if (type === "X") return sign + Math.trunc(number).toString(16).toUpperCase();
  if (type === "o") return sign + Math.trunc(number).toString(8);
  throw new Error(`unsupported format character '${type}'`);
}

function formatBraces(pattern, args, named) {
  let next = 0;
  return str(pattern.replace(/\{\{|\}\}|\{([^{}:!]*)(!r)?(?::([^{}]*))?\}|[{}]/g, (all, name, asRepr, spec) => {
    if (all === "{{" || all === "}}") return all[0];
    if (all === "{" || all === "}") throw new Error("a single brace in a format string");
    const [first, ...path] = name.split(/[.[\]]+/).filter((part, i) => i === 0 || part !== "");
    let value = first === "" ? args[next++] : /^\d+$/.test(first) ? args[Number(first)] : named.get(first);
    for (const part of path)
      value = value instanceof Dict ? value.value.get(part) : value instanceof List ? value.value[Number(part)] : undefined;
    if (value === undefined) throw new Error(`no value for {${name}} of a format string`);
    if (asRepr) return aligned(repr(value), spec ?? "", false);
    return spec ? aligned(value, spec, isNumber(value)) : text(value);
  }));
}

// [[fill]align][sign][0][width][,][.precision][type] of a format string.
function aligned(value, spec, isNumeric) {
  const parts = /^(?:([^]?)([<>^=]))?(\+)?(0)?(\d*)(,)?(?:\.(\d+))?([a-zA-Z%])?$/u.exec(spec);
  if (!parts) throw new Error(`the format '${spec}' is not supported`);
  const [, fill, align, plus, zero, width, , precision, type] = parts;
  let content = typeof value === "string" ? value
    : isNumeric && type ? conversion(type, value, precision, plus ?? "")
    : text(value);
  if (!isNumeric && precision) content = [...content].slice(0, Number(precision)).join("");
  const missing = Math.max(0, Number(width) - [...content].length);
  const filler = fill || (zero ? "0" : " ");
  const side = align || (isNumeric ? ">" : "<");
  const before = side === "<" ? 0 : side === "^" ? Math.floor(missing / 2) : missing;
  const sign = zero && /^[+-]/.test(content) ? content[0] : "";
  return sign + repeat(filler, before) + content.slice(sign.length) + repeat(filler, missing - before);
}


