// Python's operators.
import {
  Bool, Dict, Float, Int, List, Namespace, Str, Tuple, Undefined,
  compare, contains, equal, isNumber, repeat, requireDefined, requireLength, str, text, typeName,
} from "values";
import { format } from "strings";

export const COMPARISONS = new Map([
  ["==", equal],
  ["!=", (a, b) => !equal(a, b)],
  ["<", (a, b) => compare(a, b) < 0],
  ["<=", (a, b) => compare(a, b) <= 0],
  [">", (a, b) => compare(a, b) > 0],
  [">=", (a, b) => compare(a, b) >= 0],
  ["in", (a, b) => contains(b, a)],
  ["not in", (a, b) => !contains(b, a)],
]);

const number = (value, ...operands) => {
  if (operands.some((operand) => operand instanceof Float)) return new Float(value);
  if (!Number.isSafeInteger(value)) throw new Error("an integer beyond 2**53 in a computation");
  return new Int(value);
};

const nonZero = (value) => {
  if (Number(value.value) === 0) throw new Error("division by zero");
  return Number(value.value);
};

const ARITHMETIC = new Map([
  ["+", (a, b) => number(Number(a.value) + Number(b.value), a, b)],
  ["-", (a, b) => number(a.value - b.value, a, b)],
  ["*", (a, b) => number(a.value * b.value, a, b)],
  ["/", (a, b) => new Float(a.value / nonZero(b))],
  ["//", (a, b) => number(Math.floor(a.value / nonZero(b)), a, b)],
  ["%", (a, b) => number(a.value - Math.floor(a.value / nonZero(b)) * b.value, a, b)],
  ["**", (a, b) => (b.value < 0 ? new Float(a.value ** b.value) : number(a.value ** b.value, a, b))],
]);

/** The value of "left operator right". */
export function operate(operator, a, b) {
  if (operator === "~") return str(text(a) + text(b));
  if (isNumber(a) && isNumber(b) && ARITHMETIC.has(operator)) return ARITHMETIC.get(operator)(a, b);
  if (operator === "%" && a instanceof Str) return format(a.value, b);
  if (operator === "+" && a instanceof Str && b instanceof Str) return str(a.value + b.value);
  if (operator === "+" && a instanceof List && a.constructor === b.constructor) return joined(a, b);
  if (operator === "*" && (a instanceof Int || a instanceof Bool)) [a, b] = [b, a];
  if (operator === "*" && (b instanceof Int || b instanceof Bool)) {
    const times = Math.max(0, Number(b.value));
    if (a instanceof List) requireLength({ length: a.value.length * times });
    if (a instanceof Str) return new Str(repeat(a.value, times));
    if (a instanceof List) return new a.constructor(Array(times).fill(a.value).flat());
  }
  for (const operand of [a, b]) requireDefined(operand);
  throw new Error(`unsupported operand types for ${operator}: '${typeName(a)}' and '${typeName(b)}'`);
}

function joined(a, b) {
  requireLength({ length: a.value.length + b.value.length });
  return new a.constructor(a.value.concat(b.value));
}

export function negate(operator, value) {
  if (!isNumber(requireDefined(value))) throw new Error(`bad operand type for unary ${operator}: '${typeName(value)}'`);
  const signed = operator === "-" ? -value.value : +value.value;
  return value instanceof Float ? new Float(signed) : new Int(signed + 0);
}

/** value[key] (an item first) or value.key (an attribute first), as Jinja's getitem and getattr. */
export function member(value, key, isIndex, attribute) {
  if (value instanceof Undefined) throw new Error(value.what ?? "a value is undefined");
  const name = key instanceof Str ? key.value : null;
  const item = () => {
    if (value instanceof Dict) return name === null ? undefined : value.value.get(name);
    if (!(key instanceof Int || key instanceof Bool)) return undefined;
    const letters = value instanceof Str ? [...value.value] : value instanceof List ? value.value : [];
    const found = letters.at(Number(key.value));
    return typeof found === "string" ? new Str(found) : found;
  };
  const own = () => (name === null ? undefined
    : value instanceof Namespace ? value.value.get(name)
    : value instanceof Tuple && value.names?.includes(name) ? value.value[value.names.indexOf(name)]
    : attribute(value, name));
  return (isIndex ? item() ?? own() : own() ?? item()) ?? null;
}

/** The item at a dotted path, as the filters' "attribute" names it: "function.name", "0", 0. */
export function itemAt(value, path, attribute) {
  const parts = path instanceof Str ? path.value.split(".") : [path.value];
  for (const part of parts) {
    const isIndex = /^\d+$/.test(String(part));
    const key = isIndex ? new Int(Number(part)) : new Str(part);
    value = member(value, key, true, attribute) ?? new Undefined(undefined);
  }
  return value;
}


