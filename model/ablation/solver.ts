import { builtins } from "../../components/builtins.ts";
import type { Component } from "../../components/component.ts";
import { resolveConfig, type ResolvedConfig, type ResolvedOptions } from "../config.ts";
import { type Description, planModel } from "../describe.ts";
import { show } from "../json.ts";
import { setAt, valueAt } from "./config_path.ts";
import { nearest } from "./nearest.ts";
import type { Arm } from "./plan.ts";

/** Options of {@linkcode matchParams} and {@linkcode matchFlops}. */
export interface MatchOptions {
  /** The whole number that is chosen for each arm: a size or an option. Default: `"feedForward.hidden"`. */
  readonly path?: string;
  /** What every arm is to have. Default: what the first arm has. */
  readonly target?: number;
  /** Largest deviation, as a part of the target. Default: 0.01. */
  readonly tolerance?: number;
  /** Only multiples of this are chosen. Default: 1. */
  readonly multipleOf?: number;
  /** Components beside those built in. */
  readonly components?: readonly Component[];
}

/** An {@linkcode Arm} of the size wanted. */
export interface MatchedArm extends Arm {
  /** Whether its config was changed to match. */
  readonly resized: boolean;
  /** What stands at the path: a whole number, or `null` where the component follows a rule of its own. */
  readonly value: unknown;
  /** Parameters, or FLOPs for a token. */
  readonly size: number;
  /** `size / target − 1`: 0.01 is 1 % too much. */
  readonly deviation: number;
  /** How often a model was counted for it. */
  readonly evaluations: number;
}

/**
 * The same arms with as many parameters as the first one: where an arm is further off than `tolerance`, the value at
 * `path` is chosen that comes nearest to the target. Arms within the tolerance are left as they are, so that nothing
 * changes which need not. Weights are counted, never allocated. The value is a multiple of `multipleOf`, `dim` also one of
 * `heads` where that decides the width of a head, and one that the model's parts accept.
 *
 * The count must not fall as the value grows, as it never does for a width; where it does, a value may be passed over.
 * Throws a `RangeError` that names the arm and the nearest value where none is within the tolerance, and a `TypeError`
 * where `path` is nothing that can be chosen.
 */
export function matchParams(arms: readonly Arm[], options: MatchOptions = {}): MatchedArm[] {
  return match(arms, (d) => d.parameters, "parameters", options);
}

/**
 * As {@linkcode matchParams}, for the floating-point operations of products for one token at the start of the context:
 * `flopsPerToken` of a {@linkcode Description}.
 */
export function matchFlops(arms: readonly Arm[], options: MatchOptions = {}): MatchedArm[] {
  return match(arms, (d) => d.flopsPerToken, "FLOPs per token", options);
}

function match(
  arms: readonly Arm[],
  measure: (description: Description) => number,
  unit: string,
  { path = "feedForward.hidden", target, tolerance = 0.01, multipleOf = 1, components = [] }: MatchOptions,
): MatchedArm[] {
  if (target !== undefined && !(Number.isFinite(target) && target > 0)) {
    throw new RangeError(`Cannot match arms: target is ${target}, expected a number above 0`);
  }
  if (!(tolerance >= 0 && tolerance < 1)) {
    throw new RangeError(`Cannot match arms: tolerance is ${tolerance}, expected a number from 0 and below 1`);
  }
  if (!(Number.isSafeInteger(multipleOf) && multipleOf > 0)) {
    throw new RangeError(`Cannot match arms: multipleOf is ${multipleOf}, expected a whole number from 1`);
  }
  const known = [...builtins, ...components];
  const sizeOf = (config: unknown) => measure(planModel(resolveConfig(known, config), known, []));
  let wanted = target;
  return arms.map((arm): MatchedArm => {
    const before = sizeOf(arm.config), goal = wanted ??= before;
    const deviation = before / goal - 1;
    if (Math.abs(deviation) <= tolerance) {
      const value = valueAt(arm.config, path);
      return { ...arm, resized: false, value, size: before, deviation, evaluations: 1 };
    }
    const action = `Cannot match arm ${JSON.stringify(arm.name)}`;
    expectNotVaried(action, arm, path);
    const step = leastCommonMultiple(multipleOf, headsInDim(arm.config, path));
    const found = nearest(
      (count) => {
        try {
          return { size: sizeOf(setAt(arm.config, path, count * step)) };
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
          return { refused: error };
        }
      },
      goal,
    );
    const evaluations = found.evaluations + 1;
    if (!("size" in found)) {
      throw new TypeError(
        `${action} by ${path}: ${step} and more are refused, expected a whole number that can be chosen ` +
          `(${found.refused?.message})`,
        { cause: found.refused },
      );
    }
    const value = found.count * step, size = found.size, off = size / goal - 1;
    if (found.flat) {
      throw new RangeError(
        `${action}: it has ${grouped(size)} ${unit} whatever ${path} is, expected ${grouped(goal)}`,
      );
    }
    if (Math.abs(off) > tolerance) {
      throw new RangeError(
        `${action}: the nearest ${path} is ${value} with ${grouped(size)} ${unit}, ${percent(off)} than ` +
          `${grouped(goal)}, expected at most ${100 * tolerance} %`,
      );
    }
    const config = resolveConfig(known, setAt(arm.config, path, value));
    return { ...arm, config, resized: true, value, size, deviation: off, evaluations };
  });
}

/** Throws where choosing a value would undo what the arm is there to show. */
function expectNotVaried(action: string, { changes }: Arm, path: string): void {
  const own = changes.find((change) => {
    if (change.path === path) return true;
    if (!path.startsWith(`${change.path}.`)) return false;
    const keys = path.slice(change.path.length + 1).split(".");
    const entries = Array.isArray(change.value) ? change.value : [change.value];
    return entries.some((entry) => keys.reduce((value, key) => value?.[key], entry) !== undefined);
  });
  if (own) {
    throw new TypeError(
      `${action} by ${path}: it is one that sets ${path} itself, to ${
        show(own.value)
      }, expected a path that it leaves free`,
    );
  }
}

/** What `dim` must be a multiple of: the heads where an attention divides it among them. */
function headsInDim(config: ResolvedConfig, path: string): number {
  const divided = [config.attention].flat().some((attention) => (attention as ResolvedOptions).headDim === null);
  return path === "dim" && divided ? config.heads : 1;
}

function leastCommonMultiple(a: number, b: number): number {
  let x = a, y = b;
  while (y) [x, y] = [y, x % y];
  return a / x * b;
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

function percent(deviation: number): string {
  return `${(100 * Math.abs(deviation)).toPrecision(3)} % ${deviation < 0 ? "less" : "more"}`;
}
