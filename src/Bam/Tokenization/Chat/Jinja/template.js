// Compiles and renders chat templates as transformers' apply_chat_template does.
import { Environment, parse } from "jinja";
import { PythonInterpreter } from "interpreter";
import { decode } from "json";
import { TemplateFault, readTokens } from "lexer";
import { strftime } from "time";
import { Bool, Dict, Func, Int, Keywords, List, None, Str, text } from "values";

const LONGEST_RANGE = 100_000; // of Jinja's sandbox

/** The template's program; a fault of its syntax has a line. */
export function compile(source) {
  const tokens = readTokens(source);
  let read = 0;
  // The parser's faults have no place: the furthest token that it looked at is the place.
  const watched = new Proxy(tokens, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) read = Math.max(read, Number(key));
      return Reflect.get(target, key);
    },
  });
  try {
    return parse(watched);
  } catch (error) {
    if (read >= tokens.length) throw new TemplateFault("the template ends inside a block", lastLine(tokens, tokens.length - 1));
    throw new TemplateFault(error.message, lastLine(tokens, read));
  }
}

function lastLine(tokens, from) {
  for (let i = from; i >= 0; i--) if (tokens[i].line) return tokens[i].line;
  return 1;
}

/** What raise_exception was called with. */
class Refusal extends Error {}

/**
 * The text of a program with the variables, JSON in the form of json.js. The texts of {% generation %} blocks are enclosed in
 * the marks; "now" is [year, month, day, hour, minute, second, microsecond, weekday from Monday = 0, day of the year].
 */
export function render(program, variables, opening, closing, now) {
  const scope = new Environment();
  setGlobals(scope, JSON.parse(now));
  const interpreter = new PythonInterpreter(scope);
  interpreter.marks = [opening, closing];
  try {
    for (const [name, value] of decode(JSON.parse(variables)).value) scope.setVariable(name, value);
    return interpreter.run(program).value;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    error.line = interpreter.line;
    error.isRefusal = error instanceof Refusal;
    error.isTemplateFault = error instanceof TemplateFault;
    throw error;
  }
}

function setGlobals(scope, now) {
  const constants = { true: new Bool(true), false: new Bool(false), none: new None(null) };
  for (const [name, value] of Object.entries(constants)) {
    scope.setVariable(name, value);
    scope.setVariable(name[0].toUpperCase() + name.slice(1), value);
  }
  const namespace = scope.variables.get("namespace").value;
  const functions = {
    cycler: (values) => cycler(values),
    dict: (args, named) => new Dict(new Map([...(args[0]?.value ?? []), ...named])),
    joiner: ([separator = new Str(", ")]) => {
      let isFirst = true;
      return new Func(() => {
        const between = isFirst ? new Str("") : separator;
        isFirst = false;
        return between;
      });
    },
    namespace: (args, named) => namespace(args.concat(named.size > 0 ? [new Keywords(named)] : [])),
    raise_exception: ([message]) => {
      throw new Refusal(message === undefined ? "" : text(message));
    },
    range: (args) => range(...args.map((value) => Number(value.value))),
    strftime_now: ([format]) => new Str(strftime(text(format), now)),
  };
  for (const [name, value] of Object.entries(functions)) scope.setVariable(name, Object.assign(new Func(value), { isOwn: true }));
}

function cycler(values) {
  let at = 0;
  return new Dict(new Map([
    ["next", new Func(() => values[at++ % values.length])],
    ["reset", new Func(() => ((at = 0), new None(null)))],
  ]));
}

function range(first, second, step = 1) {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  if (step === 0) throw new Error("range() arg 3 must not be zero");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!(count <= LONGEST_RANGE)) throw new Error(`range too big, at most ${LONGEST_RANGE} numbers`);
  return new List(Array.from({ length: count }, (_, i) => new Int(start + i * step)));
}
