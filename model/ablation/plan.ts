import { builtins } from "../../components/builtins.ts";
import type { Component } from "../../components/component.ts";
import type { Json } from "../../components/options.ts";
import { resolveConfig, type ResolvedConfig } from "../config.ts";
import { planModel } from "../describe.ts";
import { show } from "../json.ts";
import { expectPath, setAt } from "./config_path.ts";
import { canonicalConfig, canonicalJson } from "./trial_key.ts";

/** How variations are combined: see {@linkcode planArms}. */
export type AblationMode = "one-at-a-time" | "path" | "factorial";

/** What one part of a config is to be. */
export interface Variation {
  /** A size, a slot or an option: `dim`, `norm`, `feedForward.hidden`, `position.scaling.factor`. */
  readonly path: string;
  /** What it is to be in turn, as a config has it: for a slot a name, or an object with `type` and options. */
  readonly values: readonly Json[];
}

/** What to compare. */
export interface AblationDefinition {
  /** The config that everything is compared with, as {@linkcode resolveConfig} takes it. */
  readonly base: unknown;
  /** What to change, each path once; nothing leaves the base alone. */
  readonly vary: readonly Variation[];
  /** Default: `"one-at-a-time"`. */
  readonly mode?: AblationMode;
}

/** One difference from the base. */
export interface Change {
  /** As in {@linkcode Variation}. */
  readonly path: string;
  /** What is there instead. */
  readonly value: Json;
}

/** One model of an ablation. */
export interface Arm {
  /** `base`, or what was changed: `position=rope`. No two arms of a plan share one. */
  readonly name: string;
  /** Every default filled in. */
  readonly config: ResolvedConfig;
  /** What turns the base's config into this one, in order. */
  readonly changes: readonly Change[];
}

/** Most combinations of a factorial design. */
const MOST = 1000;
const modes: readonly AblationMode[] = ["one-at-a-time", "path", "factorial"];

/**
 * The models that a definition compares, the base first. Nothing is built and no weight is allocated.
 *
 * - `one-at-a-time`: the base with one value changed, for every value. Names: `position=rope`.
 * - `path`: each value in the order given, on top of those before it. Names: `+ position=rope`, what the step adds. A step
 *   that changes nothing adds no arm; one back to an earlier arm is refused, as the next would not be one change away.
 * - `factorial`: every combination, each path as in the base or with one of its values.
 *   Names: `norm=layerNorm + position=rope`.
 *
 * Arms of the same model are merged into the first of them, so a value that the base has already adds none. A path to a
 * slot replaces the component and all of its options.
 *
 * Throws a `TypeError` for a wrong definition, and for the first arm that is no model, with its name: an unknown
 * component or option, a value that is not allowed, parts that do not go together.
 */
export function planArms(definition: AblationDefinition, components: readonly Component[] = []): Arm[] {
  const { base, vary, mode = "one-at-a-time" } = expectDefinition(definition);
  const known = [...builtins, ...components], arms = new Map<string, Arm>();
  const add = (name: string, changes: readonly Change[]) => {
    const config = resolveArm(known, name, base, changes), key = canonicalJson("config", canonicalConfig(config));
    const before = arms.get(key);
    if (!before) arms.set(key, { name, config, changes });
    return before;
  };
  add("base", []);
  const changes = vary.map(({ path, values }) => values.map((value): Change => ({ path, value })));
  if (mode === "factorial") {
    for (const chosen of combinations(changes)) if (chosen.length) add(chosen.map(changeName).join(" + "), chosen);
  } else if (mode === "path") {
    const steps = changes.flat();
    steps.forEach((step, i) => {
      const last = [...arms.values()].at(-1),
        before = add(`+ ${changeName(step)}`, withoutOverwritten(steps.slice(0, i + 1)));
      if (before && before !== last) {
        throw new TypeError(
          `Cannot plan an ablation: the path comes back to ${JSON.stringify(before.name)} by ${changeName(step)}, ` +
            "expected another model after each step",
        );
      }
    });
  } else {
    for (const change of changes.flat()) add(changeName(change), [change]);
  }
  return [...arms.values()];
}

/**
 * A change in words, as `parseVary` reads it: `norm=rmsNorm`. What is no name is JSON without spaces; an object with
 * nothing but a `type` is that type.
 */
export function changeName({ path, value }: Change): string {
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const plain = keys.length === 1 && keys[0] === "type" ? (value as { type: Json }).type : value;
  return `${path}=${typeof plain === "string" && isName(plain) ? plain : JSON.stringify(plain)}`;
}

/** Whether a text stands for itself without quotes. */
export function isName(text: string): boolean {
  return /^[A-Za-z_]\w*$/.test(text) && !["true", "false", "null"].includes(text);
}

function resolveArm(known: readonly Component[], name: string, base: unknown, changes: readonly Change[]) {
  try {
    let config = resolveConfig(known, base);
    // Resolved after each: an option can be set once the name of its component has become an object.
    for (const { path, value } of changes) config = resolveConfig(known, setAt(config, path, value));
    return planModel(config, known, []).config;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const reason = error.message.replace(/^Cannot (build|set) (a model: )?/, "");
    throw new TypeError(`Cannot plan arm ${JSON.stringify(name)}: ${reason}`, { cause: error });
  }
}

/** Every choice of at most one change from each list: those with none first, the last list fastest. */
function combinations(lists: readonly (readonly Change[])[]): Change[][] {
  return lists.reduce<Change[][]>(
    (chosen, list) => chosen.flatMap((c) => [c, ...list.map((change) => [...c, change])]),
    [[]],
  );
}

/** Of several changes of one path, the last one. */
function withoutOverwritten(steps: readonly Change[]): Change[] {
  return steps.filter(({ path }, i) => !steps.slice(i + 1).some((later) => later.path === path));
}

function expectDefinition(definition: AblationDefinition): AblationDefinition {
  const { vary, mode = modes[0] } = definition;
  const wrong = (state: string, expected: string) =>
    new TypeError(`Cannot plan an ablation: ${state}, expected ${expected}`);
  expectKeys(definition, "it", ["base", "vary", "mode"], wrong);
  if (!modes.includes(mode)) throw wrong(`mode is ${show(mode)}`, modes.map((m) => JSON.stringify(m)).join(" or "));
  if (!Array.isArray(vary)) throw wrong(`vary is ${show(vary)}`, "a list");
  vary.forEach((variation: Variation, i) => {
    if (typeof variation !== "object" || variation === null) {
      throw wrong(`vary[${i}] is ${show(variation)}`, '{ "path", "values" }');
    }
    const { path, values } = variation;
    expectKeys(variation, `vary[${i}]`, ["path", "values"], wrong);
    expectPath(path);
    if (!Array.isArray(values) || !values.length) {
      throw wrong(`values of ${path} are ${show(values)}`, "a list that is not empty");
    }
    const before = vary.slice(0, i).map((v: Variation) => v.path);
    if (before.includes(path)) throw wrong(`${path} is varied twice`, "each path once");
    const lost = mode === "one-at-a-time" ? undefined : before.find((p) => /^[.[]/.test(after(p, path)));
    if (lost) throw wrong(`${path} comes after ${lost}, which it overwrites`, `${path} first`);
  });
  const count = vary.reduce((product, { values }) => product * (values.length + 1), 1);
  if (mode === "factorial" && count > MOST) throw wrong(`it has ${count} combinations`, `at most ${MOST}`);
  return definition;
}

/** What follows `start` in `path`; empty where it begins otherwise. */
function after(path: string, start: string): string {
  return path.startsWith(start) ? path.slice(start.length) : "";
}

function expectKeys(
  object: object,
  what: string,
  known: readonly string[],
  wrong: (state: string, expected: string) => TypeError,
): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw wrong(`${what} has "${unknown}"`, known.map((k) => JSON.stringify(k)).join(", "));
  }
}
