import type { Component } from "../components/component.ts";
import { formatBytes } from "../runtime/memory.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { CacheType, WeightType } from "../runtime/tensor.ts";
import type { ResolvedConfig } from "./config.ts";
import { type Description, planModel } from "./describe.ts";
import type { Plugin } from "./plugin.ts";
import { type Weights, weightTypes } from "./weights.ts";

/** What caches may keep keys and values as, the largest first. */
const cacheTypes: readonly CacheType[] = ["f32", "f16", "q8_0"];

/** A model that is about to be built. */
export interface Planned {
  /** Its config. */
  readonly config: ResolvedConfig;
  /** Components that the config may name. */
  readonly components: readonly Component[];
  /** What it is built with. */
  readonly plugins: readonly Plugin[];
  /** How matrices are to be stored. */
  readonly weights: Weights;
  /** What that cache is to keep keys and values as. */
  readonly cacheType: CacheType;
  /** Whether a cache of the whole context, for one sequence, will be wanted beside it. */
  readonly cached: boolean;
  /** Whether weights will be read from a file, which takes a few pieces of a megabyte. */
  readonly loaded: boolean;
}

/** What pieces of a file take: at least a chunk of an arena, at most one piece in 16 bits and the same in f32. */
const LEAST_PIECES = 2 ** 20, MOST_PIECES = 3 * 2 ** 20;

/** One way to have it, and what that takes. */
interface Choice {
  readonly weights: Weights;
  readonly cacheType: CacheType;
  readonly context: number;
  readonly bytes: number;
}

/**
 * Throws a `RangeError` for a model that the memory of `runtime` has no room for: what it needs, what there is, and the
 * smallest changes with which it would fit.
 */
export function expectRoom(runtime: Runtime, planned: Planned, description: Description): void {
  const { memory } = runtime.backend, { available, largest = Infinity, name = "its memory" } = memory;
  const large = description.params.find(({ bytes }) => bytes > largest), state = stateOf(description, planned);
  if (bytesOf(description, planned) <= available && !large) return;
  const [what, most] = large
    ? [`its ${large.path} takes ${formatBytes(large.bytes)} of ${state}`, "one of the adapter's buffers holds"]
    : [`it needs ${state}`, `are left of ${name}`];
  throw new RangeError(
    `Cannot build the model: ${what}, expected at most the ${formatBytes(large ? largest : available)} that ${most}; ` +
      adviceOn(runtime, planned, description),
  );
}

type Wanted = Pick<Planned, "cached" | "loaded">;

/** What is wanted in memory, part by part. */
function partsOf({ bytes, parameterBytes, cacheBytes, params }: Description, { cached, loaded }: Wanted) {
  const largest = Math.max(...params.map((param) => param.bytes));
  return {
    "weights": parameterBytes,
    "buffers of the context": bytes - parameterBytes,
    ...(cached && { "its cache": cacheBytes }),
    ...(loaded && { "pieces of the file": Math.min(Math.max(LEAST_PIECES, 3 * largest), MOST_PIECES) }),
  };
}

function bytesOf(description: Description, wanted: Wanted): number {
  return Object.values(partsOf(description, wanted)).reduce((sum, bytes) => sum + bytes, 0);
}

function stateOf(description: Description, wanted: Wanted): string {
  const parts = Object.entries(partsOf(description, wanted)).map(([name, bytes]) => `${name} ${formatBytes(bytes)}`);
  return `${formatBytes(bytesOf(description, wanted))} (${parts.join(", ")})`;
}

/**
 * The first smaller type of weights that fits, that of a cache if one is wanted, and the longest half, quarter, … of the
 * context. If none of them is enough, smaller weights and a shorter context at once.
 */
function adviceOn(runtime: Runtime, planned: Planned, { params }: Description): string {
  const { config, components, plugins, weights, cacheType } = planned;
  const { stores = ["f32"], caches = ["f32"], memory: { available, largest = Infinity } } = runtime.backend;
  const held = params.filter(({ shape }) => shape.length === 2).map(({ dtype }) => dtype as WeightType);
  const largestType = typeof weights === "string" ? weights : weightTypes.find((type) => held.includes(type)) ?? "f32";
  const smaller = weightTypes.slice(weightTypes.indexOf(largestType) + 1).filter((type) => stores.includes(type));
  const fits = (type: Weights, context: number, cached = cacheType): Choice | undefined => {
    const plan = planModel({ ...config, context }, components, plugins, type, cached), bytes = bytesOf(plan, planned);
    const whole = bytes <= available && plan.params.every((param) => param.bytes <= largest);
    return whole ? { weights: type, cacheType: cached, context, bytes } : undefined;
  };
  const shorter = (type: Weights) => {
    if (!fits(type, 1)) return undefined;
    for (let context = config.context >> 1;; context >>= 1) {
      const choice = fits(type, Math.max(1, context));
      if (choice) return choice;
    }
  };
  const first = <T>(candidates: readonly T[], find: (type: T) => Choice | undefined) => {
    for (const type of candidates) {
      const choice = find(type);
      if (choice) return choice;
    }
    return undefined;
  };
  const smallerCaches = planned.cached
    ? cacheTypes.slice(cacheTypes.indexOf(cacheType) + 1).filter((type) => caches.includes(type))
    : [];
  const alone = [
    first(smaller, (type) => fits(type, config.context)),
    first(smallerCaches, (type) => fits(weights, config.context, type)),
    shorter(weights),
  ].filter((choice) => choice !== undefined);
  const found = alone.length ? alone : [first(smaller, shorter)].filter((choice) => choice !== undefined);
  if (!found.length) {
    const others = [...(smaller.length ? [`weights in ${smaller.join(" or ")}`] : []), "a shorter context"];
    return `it would not fit with ${others.join(" and ")} either`;
  }
  const changes = found.map((choice) => {
    const parts = [
      ...(choice.weights === weights ? [] : [`weights in ${choice.weights}`]),
      ...(choice.cacheType === cacheType ? [] : [`a cache in ${choice.cacheType}`]),
      ...(choice.context === config.context ? [] : [`a context of ${choice.context}`]),
    ];
    return `${parts.join(" and ")} (${formatBytes(choice.bytes)})`;
  });
  return `it would fit with ${changes.join(", or with ")}`;
}
