// Jinja's tests, each of the operand and the arguments.
import { Bool, Dict, Float, Func, Int, List, None, Str, Undefined, equal, isNumber, text, typeName } from "values";
import { COMPARISONS } from "operators";
import { hasFilter } from "filters";
import { TemplateFault } from "lexer";

function integer(value) {
  if (!(value instanceof Int || value instanceof Bool)) throw new Error(`an integer is required, not ${typeName(value)}`);
  return Number(value.value);
}

const remainder = (value, by) => ((integer(value) % by) + by) % by;
const cased = (convert) => (value) => {
  const content = text(value);
  return content === convert(content) && content.toLowerCase() !== content.toUpperCase();
};

const TESTS = {
  boolean: (value) => value instanceof Bool,
  callable: (value) => value instanceof Func || value instanceof Undefined,
  defined: (value) => !(value instanceof Undefined),
  divisibleby: (value, [by]) => remainder(value, integer(by)) === 0,
  escaped: () => false,
  even: (value) => remainder(value, 2) === 0,
  false: (value) => value instanceof Bool && !value.value,
  filter: (value) => hasFilter(text(value)),
  float: (value) => value instanceof Float,
  integer: (value) => value instanceof Int,
  iterable: (value) => [Str, List, Dict, Undefined].some((type) => value instanceof type),
  lower: cased((content) => content.toLowerCase()),
  mapping: (value) => value instanceof Dict,
  none: (value) => value instanceof None,
  number: isNumber,
  odd: (value) => remainder(value, 2) === 1,
  sameas: (value, [other]) =>
    value === other
    || (value.constructor === other.constructor && !(value instanceof List || value instanceof Dict) && equal(value, other)),
  sequence: (value) => value instanceof Str || value instanceof List || value instanceof Dict || value instanceof Undefined,
  string: (value) => value instanceof Str,
  test: (value) => Object.hasOwn(TESTS, text(value)) || COMPARISONS.has(COMPARISON_NAMES[text(value)] ?? text(value)),
  true: (value) => value instanceof Bool && value.value,
  undefined: (value) => value instanceof Undefined,
  upper: cased((content) => content.toUpperCase()),
};

const COMPARISON_NAMES = {
  eq: "==", equalto: "==", ne: "!=", lt: "<", lessthan: "<", le: "<=", gt: ">", greaterthan: ">", ge: ">=",
};

export function test(name, value, args) {
  if (Object.hasOwn(TESTS, name)) return TESTS[name](value, args);
  const comparison = COMPARISONS.get(COMPARISON_NAMES[name] ?? name);
  if (!comparison || name === "not in") throw new TemplateFault(`the template uses the test '${name}', which does not exist`);
  if (args.length !== 1) throw new Error(`the test '${name}' needs one argument`);
  return comparison(value, args[0]);
}
