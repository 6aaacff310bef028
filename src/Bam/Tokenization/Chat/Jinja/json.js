// Values from JSON, and to JSON as Python's json.dumps writes it.
import { Bool, Dict, Float, Int, List, None, Str, Undefined, floatText, repeat, repr, text, typeName } from "values";

/**
 * Values in the form in which the host passes them: a string begins with its type, "s" text, "i" integer, "f" float; a list
 * is ["a", …]; an object is ["o", key, value, …], so that its order is kept.
 */
export function decode(value) {
  if (value === null) return new None(null);
  if (typeof value === "boolean") return new Bool(value);
  if (typeof value === "string") return decodeScalar(value[0], value.slice(1));
  if (value[0] === "a") return new List(value.slice(1).map(decode));
  const entries = new Map();
  for (let i = 1; i < value.length; i += 2) entries.set(value[i], decode(value[i + 1]));
  return new Dict(entries);
}

function decodeScalar(type, content) {
  if (type === "s") return new Str(content);
  if (type === "f") return new Float(Number(content));
  const integer = new Int(Number(content));
  if (!Number.isSafeInteger(integer.value)) integer.digits = BigInt(content).toString();
  return integer;
}

/** json.dumps(value, …) with the defaults of transformers: non-ASCII text is kept. */
export function encode(value, { asciiOnly = false, indent = null, separators = null, sortKeys = false } = {}) {
  const [between, afterKey] = separators ?? [indent === null ? ", " : ",", ": "];
  return write(value, "\n");

  function write(item, margin) {
    if (item instanceof Str) return quoted(item.value);
    if (item instanceof None) return "null";
    if (item instanceof Bool) return item.value ? "true" : "false";
    if (item instanceof Int) return repr(item);
    if (item instanceof Float) return numberText(item.value);
    if (item instanceof List) return enclosed("[", "]", item.value.map((one) => (inner) => write(one, inner)), margin);
    if (item instanceof Dict) {
      const entries = [...item.value];
      if (sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      const writers = entries.map(([key, one]) => (inner) => quoted(key) + afterKey + write(one, inner));
      return enclosed("{", "}", writers, margin);
    }
    throw new Error(
      item instanceof Undefined && item.what ? item.what : `Object of type ${typeName(item)} is not JSON serializable`);
  }

  function enclosed(open, close, writers, margin) {
    if (writers.length === 0) return open + close;
    if (indent === null) return open + writers.map((writer) => writer(margin)).join(between) + close;
    const inner = margin + indent;
    return open + inner + writers.map((writer) => writer(inner)).join(between + inner) + margin + close;
  }

  function quoted(content) {
    const json = JSON.stringify(content);
    return asciiOnly ? json.replace(/[\x7f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`) : json;
  }
}

const numberText = (number) =>
  Number.isNaN(number) ? "NaN" : Number.isFinite(number) ? floatText(number) : number > 0 ? "Infinity" : "-Infinity";

/** The filter tojson as transformers defines it: its first positional argument is ensure_ascii. */
export function toJson(value, args, keywords) {
  const argument = (name, place) => keywords.get(name) ?? args[place];
  const given = (item) => (item === undefined || item instanceof None ? null : item);
  const [indent, separators] = [given(argument("indent", 1)), given(argument("separators", 2))];
  return new Str(encode(value, {
    asciiOnly: !!argument("ensure_ascii", 0)?.__bool__().value,
    indent: indent === null ? null : indent instanceof Str ? indent.value : repeat(" ", Number(indent.value)),
    separators: separators === null ? null : separators.value.map(text),
    sortKeys: !!argument("sort_keys", 3)?.__bool__().value,
  }));
}
