// The package's interpreter with Python's and Jinja's meaning of values, scopes and loops.
import { Environment, Interpreter } from "jinja";
import { applyFilter, pairs } from "filters";
import { TemplateFault } from "lexer";
import { COMPARISONS, member, negate, operate } from "operators";
import { stringMethod } from "strings";
import { GENERATION, NEGATED_TEST, PARENTHESES, RECURSIVE, TEST, TUPLE, WITH } from "tags";
import { test } from "tests";
import {
  Dict, Func, Int, Keywords, List, Namespace, None, Str, Tuple, Undefined,
  bool, equal, isTrue, items, list, missing, requireDefined, requireLength, text, typeName,
} from "values";

/** {% break %} or {% continue %}, with the text of the blocks that it leaves. */
class LoopSignal extends Error {
  constructor(isBreak) {
    super();
    this.isBreak = isBreak;
    this.output = "";
  }
}

const STATEMENTS = new Set(["Set", "If", "For", "Macro", "Comment", "CallStatement", "FilterStatement", "Break", "Continue"]);

Environment.prototype.lookupVariable = function lookUp(name) {
  for (let scope = this; scope; scope = scope.parent) {
    const value = scope.variables.get(name);
    // Every scope of the package has a namespace function that is called in another way than those here.
    if (value !== undefined && (name !== "namespace" || value.isOwn || !(value instanceof Func))) return value;
  }
  return missing(`'${name}' is undefined`);
};

/** A method or other attribute of a value; undefined if it has none of that name. */
function attribute(value, name) {
  if (value instanceof Str) return stringMethod(value, name);
  const methods = value instanceof Dict ? DICT_METHODS : value instanceof List ? LIST_METHODS : {};
  return Object.hasOwn(methods, name) ? new Func((args) => methods[name](value, args)) : undefined;
}

const DICT_METHODS = {
  get: (value, [key, fallback]) => value.value.get(text(key)) ?? fallback ?? new None(null),
  items: (value) => list(pairs(value)),
  keys: (value) => list(items(value)),
  values: (value) => list([...value.value.values()]),
  copy: (value) => new Dict(new Map(value.value)),
};

const LIST_METHODS = {
  count: (value, [item]) => new Int(value.value.filter((other) => equal(other, item)).length),
  index: (value, [item]) => {
    const at = value.value.findIndex((other) => equal(other, item));
    if (at < 0) throw new Error("an item is not in the list");
    return new Int(at);
  },
  copy: (value) => list([...value.value]),
};

export class PythonInterpreter extends Interpreter {
  /** The line of the tag that is evaluated. */
  line = 0;

  /** What encloses the text of {% generation %} blocks. */
  marks = ["", ""];

  call = {
    attribute,
    test,
    filter: (name, operand, args, named) => applyFilter(name, operand, args, named, this.call),
  };

  evaluate(node, scope) {
    switch (node?.type) {
      case "Break":
      case "Continue":
        throw new LoopSignal(node.type === "Break");
      case "Comment":
        this.line = Number(node.value.slice("line ".length));
        return new None(null);
      case "ObjectLiteral":
        return this.evaluateDict(node, scope);
      default:
        return super.evaluate(node, scope);
    }
  }

  evaluateDict(node, scope) {
    const entries = new Map();
    for (const [key, value] of node.value) entries.set(text(this.evaluate(key, scope)), this.evaluate(value, scope));
    return new Dict(entries);
  }

  evaluateBlock(statements, scope) {
    let output = "";
    try {
      for (const statement of statements) {
        const value = this.evaluate(statement, scope);
        if (!STATEMENTS.has(statement.type)) output += text(value);
        else if (value instanceof Str) output += value.value;
        requireLength(output);
      }
    } catch (signal) {
      if (signal instanceof LoopSignal) signal.output = output + signal.output;
      throw signal;
    }
    return new Str(output);
  }

  evaluateFor(node, scope) {
    const select = node.iterable.type === "SelectExpression";
    const values = this.evaluate(select ? node.iterable.lhs : node.iterable, scope);
    return this.runLoop(node, values, select ? node.iterable.test : null, scope, 1);
  }

  runLoop(node, values, condition, scope, depth) {
    const loops = items(values).map((value) => {
      const inner = new Environment(scope);
      this.assign(node.loopvar, value, inner);
      return { value, inner };
    }).filter(({ inner }) => condition === null || isTrue(this.evaluate(condition, inner)));
    const state = { last: undefined };
    let output = "";
    for (const [i, { inner }] of loops.entries()) {
      inner.setVariable("loop", this.loopObject(node, loops, i, condition, scope, depth, state));
      try {
        output += this.evaluateBlock(node.body, inner).value;
      } catch (signal) {
        if (!(signal instanceof LoopSignal)) throw signal;
        output += signal.output;
        if (signal.isBreak) break;
      }
      requireLength(output);
    }
    if (loops.length === 0) output += this.evaluateBlock(node.defaultBlock, new Environment(scope)).value;
    return new Str(output);
  }

  loopObject(node, loops, i, condition, scope, depth, state) {
    const count = loops.length;
    const neighbour = (at) => loops[at]?.value ?? missing("there is no such item of the loop");
    const loop = new Dict(new Map([
      ["index", new Int(i + 1)], ["index0", new Int(i)], ["revindex", new Int(count - i)], ["revindex0", new Int(count - i - 1)],
      ["first", bool(i === 0)], ["last", bool(i === count - 1)], ["length", new Int(count)],
      ["depth", new Int(depth)], ["depth0", new Int(depth - 1)],
      ["previtem", neighbour(i - 1)], ["nextitem", neighbour(i + 1)],
      ["cycle", new Func((args) => args[i % args.length])],
      ["changed", new Func((args) => {
        const changed = state.last === undefined || !equal(state.last, new Tuple(args));
        state.last = new Tuple(args);
        return bool(changed);
      })],
    ]));
    const first = firstName(node.loopvar);
    if (first.startsWith(RECURSIVE)) loop.call = ([values]) => this.runLoop(node, values, condition, scope, depth + 1);
    return loop;
  }

  assign(target, value, scope) {
    if (target.type === "Identifier") {
      const name = target.value.startsWith(RECURSIVE) ? target.value.slice(RECURSIVE.length) : target.value;
      scope.setVariable(name, value);
    } else if (target.type === "TupleLiteral") {
      const parts = items(requireDefined(value));
      if (parts.length !== target.value.length)
        throw new Error(`${target.value.length} values were to be unpacked, not ${parts.length}`);
      target.value.forEach((part, i) => this.assign(part, parts[i], scope));
    } else if (target.type === "MemberExpression" && !target.computed) {
      const object = this.evaluate(target.object, scope);
      if (!(object instanceof Namespace)) throw new Error("an attribute can be set on a namespace only");
      object.value.set(target.property.value, value);
    } else {
      throw new Error("this cannot be assigned to");
    }
  }

  evaluateSet(node, scope) {
    if (node.value) {
      this.assign(node.assignee, this.evaluate(node.value, scope), scope);
      return new None(null);
    }
    // {% set name | filter %} … {% endset %}
    const filters = [];
    let target = node.assignee;
    for (; target.type === "FilterExpression"; target = target.operand) filters.unshift(target.filter);
    let value = this.evaluateBlock(node.body, new Environment(scope));
    for (const filter of filters) value = this.applyFilter(value, filter, scope);
    this.assign(target, value, scope);
    return new None(null);
  }

  // A macro sees the scope where it is defined, not the one where it is called.
  evaluateMacro(node, scope) {
    super.evaluateMacro(node, scope);
    const macro = scope.variables.get(node.name.value);
    scope.setVariable(node.name.value, new Func((args, named, caller) => {
      const inner = new Environment(scope);
      if (caller) inner.setVariable("caller", caller);
      return macro.value(withKeywords(args, named), inner);
    }));
    return new None(null);
  }

  bindMacroArguments(name, parameters, specials, args, scope) {
    super.bindMacroArguments(name, parameters, specials, args, scope);
    if (specials.has("varargs")) scope.setVariable("varargs", new Tuple(scope.variables.get("varargs").value));
  }

  evaluateCallStatement(node, scope) {
    const name = node.call.callee.value;
    if (name === WITH) return this.evaluateBlock(node.body, new Environment(scope));
    if (name === GENERATION) {
      const output = this.evaluateBlock(node.body, new Environment(scope)).value;
      return new Str(this.marks[0] + output + this.marks[1]);
    }
    const capture = new Environment(scope);
    super.evaluateMacro({ name: { value: "caller" }, args: node.callerArgs ?? [], body: node.body }, capture);
    const body = capture.variables.get("caller");
    const caller = new Func((args, named) => body.value(withKeywords(args, named), new Environment(scope)));
    const [args, named] = this.evaluateArguments(node.call.args, scope);
    return this.invoke(this.evaluate(node.call.callee, scope), args, named, caller);
  }

  evaluateFilterStatement(node, scope) {
    return new Str(text(this.applyFilter(this.evaluateBlock(node.body, new Environment(scope)), node.filter, scope)));
  }

  evaluateCallExpression(node, scope) {
    const callee = this.evaluate(node.callee, scope);
    if (node.callee.type === "Identifier" && callee instanceof Undefined)
      throw new TemplateFault(`the template calls the function '${node.callee.value}', which does not exist`);
    const [args, named] = this.evaluateArguments(node.args, scope);
    return this.invoke(callee, args, named);
  }

  invoke(callee, args, named, caller) {
    if (callee instanceof Dict && callee.call) return callee.call(args);
    if (!(requireDefined(callee) instanceof Func)) throw new Error(`'${typeName(callee)}' object is not callable`);
    return callee.value(args, named, caller);
  }

  applyFilter(operand, node, scope) {
    const isCall = node.type === "CallExpression";
    const name = isCall ? node.callee.value : node.value;
    const [args, named] = isCall ? this.evaluateArguments(node.args, scope) : [[], new Map()];
    if (name === PARENTHESES) return operand;
    if (name === TUPLE) return new Tuple(operand.value);
    if (name.startsWith(NEGATED_TEST)) return bool(!test(name.slice(NEGATED_TEST.length), operand, args));
    if (name.startsWith(TEST)) return bool(test(name.slice(TEST.length), operand, args));
    return this.call.filter(name, operand, args, named);
  }

  evaluateUnaryExpression(node, scope) {
    const value = this.evaluate(node.argument, scope);
    return node.operator.value === "not" ? bool(!isTrue(value)) : negate(node.operator.value, value);
  }

  evaluateBinaryExpression(node, scope) {
    const operator = node.operator.value;
    if (operator === "and" || operator === "or") {
      const left = this.evaluate(node.left, scope);
      return isTrue(left) === (operator === "and") ? this.evaluate(node.right, scope) : left;
    }
    if (COMPARISONS.has(operator)) return bool(this.compareChain(node, scope).holds);
    return operate(operator, this.evaluate(node.left, scope), this.evaluate(node.right, scope));
  }

  // a < b <= c
  compareChain(node, scope) {
    const isChain = node.left.type === "BinaryExpression" && COMPARISONS.has(node.left.operator.value);
    const before = isChain ? this.compareChain(node.left, scope) : { holds: true, right: this.evaluate(node.left, scope) };
    if (!before.holds) return before;
    const right = this.evaluate(node.right, scope);
    return { holds: COMPARISONS.get(node.operator.value)(before.right, right), right };
  }

  evaluateMemberExpression(node, scope) {
    const value = this.evaluate(node.object, scope);
    if (node.computed && node.property.type === "SliceExpression") return this.sliceOf(value, node.property, scope);
    const key = node.computed ? this.evaluate(node.property, scope)
      : node.property.type === "IntegerLiteral" ? new Int(node.property.value) : new Str(node.property.value);
    return member(value, key, node.computed || key instanceof Int, attribute)
      ?? missing(`'${typeName(value)}' object has no ${key instanceof Str ? `attribute '${key.value}'` : `item ${text(key)}`}`);
  }

  sliceOf(value, node, scope) {
    const bound = (part) => {
      const limit = this.evaluate(part, scope);
      return limit instanceof None ? undefined : limit.value;
    };
    const sliced = this.evaluateSliceExpression(value instanceof Undefined ? requireDefined(value) : value, {
      start: literal(bound(node.start)), stop: literal(bound(node.stop)), step: literal(bound(node.step)),
    }, scope);
    return value instanceof Tuple ? new Tuple(sliced.value) : sliced;
  }
}

/** Arguments as the package passes them: the named ones last. */
const withKeywords = (args, named) => (named.size > 0 ? [...args, new Keywords(named)] : args);

const literal = (value) => (value === undefined ? undefined : { type: "IntegerLiteral", value: Number(value) });

const firstName = (target) => (target.type === "TupleLiteral" ? firstName(target.value[0]) : target.value ?? "");


