import { isTaskName } from "../../model/ablation/data_forms.ts";
import { isObject } from "../../model/ablation/forms.ts";
import { presets } from "../../model/ablation/presets.ts";
import { parseVary } from "../../model/ablation/vary_flag.ts";
import { defaultDefinition } from "./ablate_default.ts";
import type { AblateGiven } from "./ablate_flags.ts";
import { UsageError } from "./flags.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Flags that cannot both be honoured. */
const rivals: readonly (readonly [keyof AblateGiven, keyof AblateGiven])[] = [
  ["steps", "flops"],
  ["steps", "seconds"],
  ["flops", "seconds"],
  ["task", "data"],
  ["task", "tokenizer"],
  ["task", "validation"],
  ["task", "extrapolate"],
  ["to", "vary"],
  ["aa", "to"],
  ["aa", "vary"],
  ["aa", "mode"],
  ["aa", "match"],
  ["aa", "match-path"],
  ["aa", "sweep"],
  ["aa", "extrapolate"],
  ["aa", "detect"],
  ["aa", "target"],
  ["aa", "plan"],
];

/** What is wrong where neither flags nor a file say what to compare the base with. */
export const nothingVaried = "nothing is varied, expected --vary or --to, or --aa to compare the base with itself";

/**
 * The definition of a study, as `resolveStudy` reads it, from flags and what the file of `--study` holds, if any; a flag
 * goes before what the file says of the same. Where neither names a base or what to vary, both are those of
 * {@linkcode defaultDefinition}. Only flags are checked, not what the file says, not even that it varies something: a word
 * in it may be misspelt. Throws a {@linkcode UsageError} that names the flag, or both where two contradict each other.
 */
export function definitionOf(given: AblateGiven, file?: unknown): unknown {
  expectNoRivals(given);
  if (file !== undefined && !isObject(file)) return file; // for resolveStudy to refuse
  const start = startOf(given, file);
  const definition = withoutMissing({
    ...varied(start, given),
    base: baseOf(start.base, given),
    data: dataOf(start.data, given),
    seeds: given.seeds ?? start.seeds,
    budget: budgetOf(given) ?? start.budget,
    match: matchOf(start.match, given),
    training: trainingOf(start.training, given),
    sweep: given.sweep ? merged(start.sweep, { learningRates: given.sweep }) : start.sweep,
    evaluations: given.evaluations ?? start.evaluations,
    lengths: given.extrapolate ?? start.lengths,
    target: given.target ?? start.target,
    detect: given.detect ?? start.detect,
    alpha: given.alpha ?? start.alpha,
    costs: given["skip-costs"] ? false : start.costs,
  });
  if (!file && given.aa === undefined && !("vary" in definition || "to" in definition)) {
    throw new UsageError(nothingVaried);
  }
  return definition;
}

function expectNoRivals(given: AblateGiven): void {
  const isGiven = (flag: keyof AblateGiven) => {
    const value = given[flag];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  };
  const both = rivals.find((pair) => pair.every(isGiven));
  if (both) throw new UsageError(`--${both[0]} and --${both[1]} are both given, expected one of them`);
  if (given.to !== undefined && given.mode !== undefined && given.mode !== "path") {
    throw new UsageError(`--to and --mode ${given.mode} are both given, expected --mode path or none with --to`);
  }
  if (given.aa !== undefined && typeof given.seeds === "object") {
    throw new UsageError(`--aa and a list of --seeds are both given, expected how many runs each side has`);
  }
  if (given.match === "none" && given["match-path"] !== undefined) {
    throw new UsageError("--match none and --match-path are both given, expected one of them");
  }
}

/** What the flags are laid over. */
function startOf(given: AblateGiven, file: Fields | undefined): Fields {
  const isNamed = ["base", "to", "vary"].some((key) => file && key in file) || given.vary.length > 0 ||
    given.base !== undefined || given.to !== undefined;
  if (isNamed) return file ?? {};
  const { title, base, to, ...others } = defaultDefinition, data = file?.data;
  // How long a task takes to learn, it says itself.
  const isTask = given.task !== undefined || (isObject(data) && "task" in data) ||
    (typeof data === "string" && isTaskName(data));
  return { title, base, to, ...(!isTask && others), ...file };
}

function varied(start: Fields, given: AblateGiven): Fields {
  const { to: _, vary: __, mode: ___, ...rest } = start, mode = given.mode ?? start.mode;
  if (given.to !== undefined) return { ...rest, to: given.to };
  if (given.vary.length) return { ...rest, mode, vary: given.vary.map((text) => checked("vary", text, parseVary)) };
  return { ...start, mode };
}

function baseOf(start: unknown, { base, dim, depth, heads, context, init }: AblateGiven): unknown {
  const sizes = withoutMissing({ dim, depth, heads, context, init: init && componentOf("init", init) });
  const begin = base === undefined ? start : Object.hasOwn(presets, base) ? base : readBase(base);
  return Object.keys(sizes).length ? merged(typeof begin === "string" ? { preset: begin } : begin, sizes) : begin;
}

function readBase(path: string): unknown {
  const names = Object.keys(presets).join(", ");
  if (!/[./\\]/.test(path)) throw new UsageError(`--base is "${path}", expected ${names} or a JSON file`);
  return checked("base", path, () => {
    const config: unknown = JSON.parse(Deno.readTextFileSync(path));
    if (isObject(config)) return config;
    throw new TypeError("the file holds no object");
  });
}

function dataOf(start: unknown, { data, task, tokenizer, validation }: AblateGiven): unknown {
  if (task !== undefined) return { task };
  const before = textOf(start), flag = tokenizer === undefined ? "validation" : "tokenizer";
  const choice = tokenizer && componentOf("tokenizer", tokenizer);
  const more = withoutMissing({ files: data.length ? data : undefined, tokenizer: choice, validation });
  if (!Object.keys(more).length) return start;
  if (data.length || before) return { ...before, ...more };
  throw new UsageError(`--${flag} is given, and there is no text to learn from, expected --data too`);
}

/** Data in a file as an object with `files`, if it is text. */
function textOf(data: unknown): Fields | undefined {
  if (typeof data === "string") return isTaskName(data) ? undefined : { files: [data] };
  if (Array.isArray(data)) return { files: data };
  return isObject(data) && "files" in data ? data : undefined;
}

function budgetOf({ steps, flops, seconds }: AblateGiven): Fields | undefined {
  const budget = withoutMissing({ steps, flops, seconds });
  return Object.keys(budget).length ? budget : undefined;
}

function matchOf(start: unknown, { match, "match-path": path }: AblateGiven): unknown {
  if (match === "none") return null;
  if (match === undefined && path === undefined) return start;
  const before = typeof start === "string" ? { by: start } : start === true || start === null ? {} : start;
  return merged(before, withoutMissing({ by: match, path }));
}

function trainingOf(start: unknown, given: AblateGiven): unknown {
  const { batch, lr: learningRate, warmup, clip, dropout } = given;
  const schedule = given.schedule && componentOf("schedule", given.schedule);
  const optimizer = given.optimizer && componentOf("optimizer", given.optimizer);
  const settings = withoutMissing({ batch, learningRate, warmup, schedule, optimizer, clip, dropout });
  return Object.keys(settings).length ? merged(start, settings) : start;
}

/** `fields` over an object, or in place of a list or of nothing; what is neither stays, for resolveStudy to refuse. */
function merged(start: unknown, fields: Fields): unknown {
  if (start === undefined || start === null || Array.isArray(start)) return fields;
  return isObject(start) ? { ...start, ...fields } : start;
}

function withoutMissing(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A name, or JSON with a name and options. */
function componentOf(flag: string, given: string): unknown {
  return given.startsWith("{") ? checked(flag, given, JSON.parse) : given;
}

function checked<T>(flag: string, given: string, read: (text: string) => T): T {
  try {
    return read(given);
  } catch (error) {
    throw new UsageError(`--${flag} is ${JSON.stringify(given)}: ${(error as Error).message}`);
  }
}
