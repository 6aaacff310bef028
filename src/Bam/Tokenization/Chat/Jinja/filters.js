// Jinja's filters. Each has the operand, the arguments, the named arguments, and "call", which applies tests, filters and
// attributes by name.
import {
  Dict, Float, Int, None, Str, Tuple, Undefined,
  compare, equal, isNumber, isTrue, items, joinTexts, lengthOf, list, repeat, repr, requireDefined, str, text, typeName,
} from "values";
import { format, replace, capitalize, center, splitLines, strip } from "strings";
import { itemAt, operate } from "operators";
import { toJson } from "json";
import { TemplateFault } from "lexer";

const isNone = (value) => value === undefined || value instanceof None;
const flag = (value) => value !== undefined && isTrue(value);

/** Positional and named arguments by the names of a signature. */
function bind(names, args, named) {
  const bound = {};
  names.forEach((name, i) => (bound[name] = args[i] ?? named.get(name)));
  return bound;
}

const folded = (value, caseSensitive) => (value instanceof Str && !caseSensitive ? new Str(value.value.toLowerCase()) : value);

function sorted(values, { reverse, case_sensitive, attribute }, call) {
  const keyOfValue = (value) => folded(isNone(attribute) ? value : keyOf(value, attribute, call), flag(case_sensitive));
  const keyed = values.map((value) => [keyOfValue(value), value]);
  keyed.sort(([a], [b]) => (flag(reverse) ? compare(b, a) : compare(a, b)));
  return keyed.map(([, value]) => value);
}

function keyOf(value, attribute, call) {
  if (!(attribute instanceof Str) || !attribute.value.includes(",")) return itemAt(value, attribute, call.attribute);
  return list(attribute.value.split(",").map((one) => itemAt(value, new Str(one), call.attribute)));
}

function extreme(operand, args, named, call, sign) {
  const { case_sensitive, attribute } = bind(["case_sensitive", "attribute"], args, named);
  const order = sorted(items(operand), { case_sensitive, attribute }, call);
  if (order.length === 0) return new Undefined(undefined);
  const key = (value) => folded(isNone(attribute) ? value : keyOf(value, attribute, call), flag(case_sensitive));
  const best = sign < 0 ? order[0] : order.at(-1);
  return items(operand).find((value) => equal(key(value), key(best)));
}

function unique(operand, args, named, call) {
  const { case_sensitive, attribute } = bind(["case_sensitive", "attribute"], args, named);
  const [seen, kept] = [[], []];
  for (const value of items(operand)) {
    const key = folded(isNone(attribute) ? value : keyOf(value, attribute, call), flag(case_sensitive));
    if (seen.some((other) => equal(other, key))) continue;
    seen.push(key);
    kept.push(value);
  }
  return list(kept);
}

function groupBy(operand, args, named, call) {
  const { attribute, default: fallback, case_sensitive } = bind(["attribute", "default", "case_sensitive"], args, named);
  const groups = [];
  for (const value of items(operand)) {
    const found = keyOf(value, attribute, call);
    const key = found instanceof Undefined && fallback !== undefined ? fallback : found;
    const compared = folded(key, flag(case_sensitive));
    const group = groups.find((other) => equal(other.compared, compared));
    if (group) group.members.push(value);
    else groups.push({ compared, key, members: [value] });
  }
  groups.sort((a, b) => compare(a.compared, b.compared));
  return list(groups.map(({ key, members }) => Object.assign(new Tuple([key, list(members)]), { names: ["grouper", "list"] })));
}

function map(operand, args, named, call) {
  if (args.length === 0 && named.has("attribute")) {
    const fallback = named.get("default");
    return list(items(operand).map((value) => {
      const found = itemAt(value, named.get("attribute"), call.attribute);
      return found instanceof Undefined && fallback !== undefined ? fallback : found;
    }));
  }
  if (args.length === 0) throw new Error("map requires a filter argument");
  return list(items(operand).map((value) => call.filter(text(args[0]), value, args.slice(1), named)));
}

/** select, reject, selectattr and rejectattr. */
function choose(operand, args, named, call, wanted, byAttribute) {
  const [attribute, rest] = byAttribute ? [args[0], args.slice(1)] : [null, args];
  return list(items(operand).filter((value) => {
    const tested = attribute ? itemAt(value, attribute, call.attribute) : value;
    const holds = rest.length === 0 ? isTrue(tested) : call.test(text(rest[0]), tested, rest.slice(1));
    return holds === wanted;
  }));
}

function join(operand, args, named, call) {
  const { d, attribute } = bind(["d", "attribute"], args, named);
  const parts = items(operand).map((value) => text(isNone(attribute) ? value : itemAt(value, attribute, call.attribute)));
  return str(joinTexts(parts, d === undefined ? "" : text(d)));
}

function toInteger(operand, args, named) {
  const { default: fallback = new Int(0), base } = bind(["default", "base"], args, named);
  if (isNumber(operand)) return Number.isFinite(Number(operand.value)) ? new Int(Math.trunc(Number(operand.value))) : fallback;
  if (!(operand instanceof Str)) return fallback;
  const content = strip(operand.value, undefined, true, true).replace(/(\d)_(?=\d)/g, "$1");
  if (base && base.value !== 10) {
    const prefixed = { x: 16, o: 8, b: 2 }[/^[+-]?0([xob])/i.exec(content)?.[1].toLowerCase()];
    const number = parseInt(content.replace(/^([+-]?)0[xob]/i, "$1"), prefixed ?? (base.value || 10));
    return Number.isNaN(number) ? fallback : new Int(number);
  }
  const number = toFloatNumber(content);
  return number === null || !Number.isFinite(number) ? fallback : new Int(Math.trunc(number));
}

const toFloatNumber = (content) =>
  /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(content) ? Number(content)
    : /^[+-]?inf(inity)?$/i.test(content) ? (content.startsWith("-") ? -Infinity : Infinity)
    : /^[+-]?nan$/i.test(content) ? NaN : null;

function toFloat(operand, args, named) {
  const fallback = args[0] ?? named.get("default") ?? new Float(0);
  if (isNumber(operand)) return new Float(Number(operand.value));
  const number = operand instanceof Str ? toFloatNumber(strip(operand.value, undefined, true, true)) : null;
  return number === null ? fallback : new Float(number);
}

function round(operand, args, named) {
  const { precision, method } = bind(["precision", "method"], args, named);
  const scale = 10 ** Number(precision?.value ?? 0);
  const scaled = Number(operand.value) * scale;
  const way = method === undefined ? "common" : text(method);
  if (way !== "common") return new Float((way === "ceil" ? Math.ceil(scaled) : Math.floor(scaled)) / scale);
  if (operand instanceof Int) return operand;
  if (scale === 1 && Math.abs(scaled % 1) === 0.5) return new Float(2 * Math.round(scaled / 2));
  return new Float(
    scale >= 1 ? Number(operand.value.toFixed(Math.min(100, Number(precision?.value ?? 0)))) : Math.round(scaled) / scale);
}

function indent(operand, args, named) {
  const { width, first, blank } = bind(["width", "first", "blank"], args, named);
  const margin = width instanceof Str ? width.value : repeat(" ", Number(width?.value ?? 4));
  const lines = splitLines(`${text(operand)}\n`);
  const indented = lines.map((line, i) => (i === 0 ? flag(first) : flag(blank) || line !== "") ? margin + line : line);
  return str(joinTexts(indented, "\n"));
}

function truncate(operand, args, named) {
  const { length, killwords, end, leeway } = bind(["length", "killwords", "end", "leeway"], args, named);
  const [most, ending, letters] = [Number(length?.value ?? 255), end === undefined ? "..." : text(end), [...text(operand)]];
  if (letters.length <= most + Number(leeway?.value ?? 5)) return str(letters.join(""));
  const kept = letters.slice(0, most - [...ending].length).join("");
  const word = kept.lastIndexOf(" ");
  return str((flag(killwords) || word < 0 ? kept : kept.slice(0, word)) + ending);
}

function batches(operand, args, named) {
  const { linecount, fill_with } = bind(["linecount", "fill_with"], args, named);
  const [all, rows] = [items(operand), []];
  for (let i = 0; i < all.length; i += Number(linecount.value)) rows.push(all.slice(i, i + Number(linecount.value)));
  while (!isNone(fill_with) && rows.length > 0 && rows.at(-1).length < linecount.value) rows.at(-1).push(fill_with);
  return list(rows.map(list));
}

function slices(operand, args, named) {
  const { slices: count, fill_with } = bind(["slices", "fill_with"], args, named);
  const [all, most] = [items(operand), Number(count.value)];
  const longer = all.length % most;
  return list(Array.from({ length: most }, (_, i) => {
    const start = i * Math.floor(all.length / most) + Math.min(i, longer);
    const end = start + Math.floor(all.length / most) + (i < longer ? 1 : 0);
    return list(all.slice(start, end).concat(!isNone(fill_with) && longer > 0 && i >= longer ? [fill_with] : []));
  }));
}

function sum(operand, args, named, call) {
  const { attribute, start = new Int(0) } = bind(["attribute", "start"], args, named);
  const values = items(operand).map((value) => (isNone(attribute) ? value : itemAt(value, attribute, call.attribute)));
  return values.reduce((total, value) => operate("+", total, value), start);
}

function dictSort(operand, args, named) {
  const { case_sensitive, by, reverse } = bind(["case_sensitive", "by", "reverse"], args, named);
  const place = by !== undefined && text(by) === "value" ? 1 : 0;
  const order = (a, b) => compare(folded(a.value[place], flag(case_sensitive)), folded(b.value[place], flag(case_sensitive)));
  return list(pairs(operand).sort((a, b) => (flag(reverse) ? order(b, a) : order(a, b))));
}

export function pairs(operand) {
  if (operand instanceof Undefined) return [];
  if (!(operand instanceof Dict)) throw new Error(`'${typeName(operand)}' object has no items`);
  return [...operand.value].map(([key, value]) => new Tuple([new Str(key), value]));
}

const HTML = new Map([["&", "&amp;"], ["<", "&lt;"], [">", "&gt;"], ["'", "&#39;"], ['"', "&#34;"]]);
const escapeHtml = (operand) => str(text(operand).replace(/[&<>'"]/g, (letter) => HTML.get(letter)));

const unescapeHtml = (value) =>
  [...HTML].reverse().reduce((content, [letter, entity]) => content.replaceAll(entity, letter), value);

const titleOf = (value) => value.split(/([-\s({[<]+)/).map(capitalize).join("");

const fallbackOf = (operand, args, named) => {
  const { default_value = new Str(""), boolean } = bind(["default_value", "boolean"], args, named);
  return operand instanceof Undefined || (flag(boolean) && !isTrue(operand)) ? default_value : operand;
};

const reversed = (operand) =>
  operand instanceof Str ? str([...operand.value].reverse().join("")) : list([...items(operand)].reverse());

const end = (operand, place) => items(operand).at(place) ?? new Undefined(undefined);

const FILTERS = {
  abs: (operand) => {
    const size = Math.abs(Number(requireDefined(operand).value));
    return operand instanceof Float ? new Float(size) : new Int(size);
  },
  attr: (operand, [name], named, call) => call.attribute(operand, text(name)) ?? new Undefined(undefined),
  batch: batches,
  capitalize: (operand) => str(capitalize(text(operand))),
  center: (operand, args, named) => center(text(operand), Number(bind(["width"], args, named).width?.value ?? 80)),
  count: (operand) => new Int(lengthOf(operand)),
  d: fallbackOf,
  default: fallbackOf,
  dictsort: dictSort,
  e: escapeHtml,
  escape: escapeHtml,
  first: (operand) => end(operand, 0),
  float: toFloat,
  forceescape: escapeHtml,
  format: (operand, args, named) => format(text(operand), named.size > 0 ? new Dict(named) : new Tuple(args)),
  groupby: groupBy,
  indent,
  int: toInteger,
  items: (operand) => list(pairs(operand)),
  join,
  last: (operand) => end(operand, -1),
  length: (operand) => new Int(lengthOf(operand)),
  list: (operand) => list([...items(operand)]),
  lower: (operand) => str(text(operand).toLowerCase()),
  map,
  max: (operand, args, named, call) => extreme(operand, args, named, call, 1),
  min: (operand, args, named, call) => extreme(operand, args, named, call, -1),
  pprint: (operand) => str(repr(operand)),
  reject: (operand, args, named, call) => choose(operand, args, named, call, false, false),
  rejectattr: (operand, args, named, call) => choose(operand, args, named, call, false, true),
  replace: (operand, args, named) => {
    const { old, new: replacement, count } = bind(["old", "new", "count"], args, named);
    return str(replace(text(operand), text(old), text(replacement), count));
  },
  reverse: reversed,
  round,
  safe: (operand) => str(text(operand)),
  select: (operand, args, named, call) => choose(operand, args, named, call, true, false),
  selectattr: (operand, args, named, call) => choose(operand, args, named, call, true, true),
  slice: slices,
  sort: (operand, args, named, call) =>
    list(sorted(items(operand), bind(["reverse", "case_sensitive", "attribute"], args, named), call)),
  string: (operand) => str(text(operand)),
  striptags: (operand) => {
    const content = text(operand).replace(/<!--.*?-->|<[^>]*>/gs, "");
    return str(unescapeHtml(content.split(/\s+/).filter((word) => word).join(" ")));
  },
  sum,
  title: (operand) => str(titleOf(text(operand))),
  tojson: toJson,
  trim: (operand, args, named) => str(strip(text(operand), bind(["chars"], args, named).chars, true, true)),
  truncate,
  unique,
  upper: (operand) => str(text(operand).toUpperCase()),
  wordcount: (operand) => new Int((text(operand).match(/[\p{L}\p{N}_]+/gu) ?? []).length),
};

export const hasFilter = (name) => Object.hasOwn(FILTERS, name);

export function applyFilter(name, operand, args, named, call) {
  if (!Object.hasOwn(FILTERS, name)) throw new TemplateFault(`the template uses the filter '${name}', which does not exist`);
  return FILTERS[name](operand, args, named, call);
}


