// The package's value classes, which it does not export, and what Python does with values: str(), repr(), ==, <, iteration.
import { Environment, Interpreter } from "jinja";

const probe = new Environment();
let probes = 0;
const classOf = (value) => probe.set(`probe${probes++}`, value).constructor;

export const Str = classOf("");
export const Int = classOf(1);
export const Float = classOf(0.5);
export const Bool = classOf(true);
export const None = classOf(null);
export const Undefined = classOf(undefined);
export const List = classOf([]);
export const Dict = classOf({});
export const Func = classOf(() => null);
export const Tuple = new Interpreter(probe).evaluate({ type: "TupleLiteral", value: [] }, probe).constructor;
export const Namespace = probe.lookupVariable("namespace").value([]).constructor;
export const Keywords = keywordsClass();

function keywordsClass() {
  let found;
  probe.set("seen", null);
  probe.setVariable("seen", new Func((args) => ((found = args[0].constructor), new None(null))));
  const keyword = { type: "KeywordArgumentExpression", key: { value: "k" }, value: { type: "StringLiteral", value: "" } };
  const call = { type: "CallExpression", callee: { type: "Identifier", value: "seen" }, args: [keyword] };
  new Interpreter(probe).evaluate(call, probe);
  return found;
}

/** The most characters of a text, and items of a list, that a template may make. */
export const MAX_LENGTH = 1 << 26;

export const bool = (value) => new Bool(!!value);
export const str = (value) => new Str(requireLength(value));
export const list = (items) => new List(requireLength(items));
export const isNumber = (value) => value instanceof Int || value instanceof Float || value instanceof Bool;
export const isTrue = (value) => value.__bool__().value;

export function requireLength(value) {
  if (value.length > MAX_LENGTH) throw new Error(`a text or list of more than ${MAX_LENGTH} items`);
  return value;
}

/** A text several times over. */
export function repeat(content, times) {
  requireLength({ length: content.length * Math.max(0, times) });
  return content.repeat(Math.max(0, times));
}

/** Texts with another between them. */
export function joinTexts(parts, between) {
  requireLength({ length: parts.reduce((length, part) => length + part.length, 0) + between.length * parts.length });
  return parts.join(between);
}

/** An undefined value that says in errors what is not there. */
export function missing(what) {
  const value = new Undefined(undefined);
  value.what = what;
  return value;
}

export function requireDefined(value) {
  if (value instanceof Undefined) throw new Error(value.what ?? "a value is undefined");
  return value;
}

const TYPE_NAMES = new Map([
  [Str, "str"], [Int, "int"], [Float, "float"], [Bool, "bool"], [None, "NoneType"], [Undefined, "Undefined"],
  [List, "list"], [Tuple, "tuple"], [Dict, "dict"], [Func, "function"], [Namespace, "Namespace"],
]);

export const typeName = (value) => TYPE_NAMES.get(value.constructor) ?? "object";

/** Python's str(). */
export function text(value) {
  return value instanceof Str ? value.value : value instanceof Undefined ? "" : repr(value);
}

/** Python's repr(). */
export function repr(value) {
  if (value instanceof Str) return quoted(value.value);
  if (value instanceof Bool) return value.value ? "True" : "False";
  if (value instanceof Int) return integerText(value);
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof None) return "None";
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Tuple) return `(${value.value.map(repr).join(", ")}${value.value.length === 1 ? "," : ""})`;
  if (value instanceof List) return `[${value.value.map(repr).join(", ")}]`;
  if (value instanceof Dict) return `{${[...value.value].map(([key, item]) => `${quoted(key)}: ${repr(item)}`).join(", ")}}`;
  return `<${typeName(value)}>`;
}

/** An integer beyond 2⁵³ keeps its digits as long as nothing is computed with it. */
const integerText = (value) => value.digits ?? (Number.isInteger(value.value) ? BigInt(value.value).toString() : "nan");

export function floatText(number) {
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) return number > 0 ? "inf" : "-inf";
  if (number === 0) return Object.is(number, -0) ? "-0.0" : "0.0";
  const [digits, exponentText] = number.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${digits}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  const plain = exponent < 0 ? number.toFixed(Math.max(0, (digits.split(".")[1] ?? "").length - exponent)) : String(number);
  return plain.includes(".") ? plain : `${plain}.0`;
}

const ESCAPES = new Map([["\n", "\\n"], ["\r", "\\r"], ["\t", "\\t"], ["\\", "\\\\"]]);

function quoted(value) {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  let out = quote;
  for (const letter of value) {
    const code = letter.codePointAt(0);
    if (ESCAPES.has(letter)) out += ESCAPES.get(letter);
    else if (letter === quote) out += `\\${letter}`;
    else if (code < 0x7f && code >= 0x20) out += letter;
    else if (!/[\p{C}\p{Z}]/u.test(letter)) out += letter;
    else if (code < 0x100) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else if (code < 0x10000) out += `\\u${code.toString(16).padStart(4, "0")}`;
    else out += `\\U${code.toString(16).padStart(8, "0")}`;
  }
  return out + quote;
}

/** Python's ==. */
export function equal(a, b) {
  if (isNumber(a) && isNumber(b)) return a.digits === b.digits && Number(a.value) === Number(b.value);
  if (a instanceof Str || b instanceof Str) return a instanceof Str && b instanceof Str && a.value === b.value;
  if (a instanceof None || b instanceof None) return a instanceof None && b instanceof None;
  if (a instanceof Undefined || b instanceof Undefined) return a instanceof Undefined && b instanceof Undefined;
  if (a instanceof List && b instanceof List)
    return a instanceof Tuple === b instanceof Tuple && a.value.length === b.value.length
      && a.value.every((item, i) => equal(item, b.value[i]));
  if (a instanceof Dict && b instanceof Dict)
    return a.value.size === b.value.size
      && [...a.value].every(([key, item]) => b.value.has(key) && equal(item, b.value.get(key)));
  return a === b;
}

/** Below, equal or above 0 as Python orders two values. */
export function compare(a, b) {
  if (isNumber(a) && isNumber(b)) return Number(a.value) - Number(b.value);
  if (a instanceof Str && b instanceof Str) return compareTexts(a.value, b.value);
  if (a instanceof List && b instanceof List && a instanceof Tuple === b instanceof Tuple) {
    for (let i = 0; i < Math.min(a.value.length, b.value.length); i++) {
      if (!equal(a.value[i], b.value[i])) return compare(a.value[i], b.value[i]);
    }
    return a.value.length - b.value.length;
  }
  throw new Error(`'${typeName(requireDefined(a))}' and '${typeName(requireDefined(b))}' have no order`);
}

// By code points: UTF-16 would order surrogates before U+E000.
function compareTexts(a, b) {
  if (a === b) return 0;
  const [left, right] = [[...a], [...b]];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    if (left[i] !== right[i]) return left[i].codePointAt(0) - right[i].codePointAt(0);
  }
  return left.length - right.length;
}

/** The items that Python's for visits. */
export function items(value) {
  if (value instanceof List) return value.value;
  if (value instanceof Dict) return [...value.value.keys()].map((key) => new Str(key));
  if (value instanceof Str) return [...value.value].map((letter) => new Str(letter));
  if (value instanceof Undefined) return [];
  throw new Error(`'${typeName(value)}' object is not iterable`);
}

export function contains(container, item) {
  if (container instanceof Str) {
    if (!(item instanceof Str)) throw new Error(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return container.value.includes(item.value);
  }
  if (container instanceof Dict) return item instanceof Str && container.value.has(item.value);
  return items(container).some((other) => equal(other, item));
}

export function lengthOf(value) {
  if (value instanceof Dict) return value.value.size;
  if (value instanceof Str || value instanceof List || value instanceof Undefined) return items(value).length;
  throw new Error(`object of type '${typeName(value)}' has no len()`);
}
