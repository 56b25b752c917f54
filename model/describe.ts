import type { Component } from "../components/component.ts";
import { formatBytes } from "../runtime/memory.ts";
import { createPlanner } from "../runtime/planner.ts";
import { Runtime } from "../runtime/runtime.ts";
import { bytesOf, type CacheType, type DType, size } from "../runtime/tensor.ts";
import { assemble, type BuiltLayer } from "./assemble.ts";
import { type ResolvedConfig, slotDefaults } from "./config.ts";
import { forward } from "./forward.ts";
import { paramDeclaration, type Plugin } from "./plugin.ts";
import { type Weights, weightType } from "./weights.ts";

/** Positions over which the memory of a cache is averaged: caches may come in blocks. */
const SPAN = 1024;

/** One layer of a {@linkcode Description}. */
export interface LayerDescription extends BuiltLayer {
  /** Parameters of this layer and the layers in it. */
  readonly parameters: number;
}

/** One parameter of a {@linkcode Description}. */
export interface ParamDescription {
  /** `blocks.3.attention.q.weight`. */
  readonly path: string;
  /** Its sizes. */
  readonly shape: readonly number[];
  /** Whether training may change it. */
  readonly trainable: boolean;
  /** What its elements are stored as. */
  readonly dtype: DType;
  /** Memory that it takes. */
  readonly bytes: number;
}

/** What a model is made of, needs and costs. `String(description)` is a table. */
export interface Description {
  /** The config described. */
  readonly config: ResolvedConfig;
  /** Number of trained values, shared ones counted once. */
  readonly parameters: number;
  /** Those that training may change. */
  readonly trainable: number;
  /** Memory of the parameters. */
  readonly parameterBytes: number;
  /** Memory that the model takes when built, without caches and activations. */
  readonly bytes: number;
  /** Floating-point operations of products for one token at the start of the context: about twice the parameters. */
  readonly flopsPerToken: number;
  /** The same for the last token of a full context, attention included. */
  readonly flopsPerTokenFull: number;
  /** Memory that a cache takes for each position of each sequence. */
  readonly cacheBytesPerToken: number;
  /** Memory that a cache of the whole context takes for one sequence. */
  readonly cacheBytes: number;
  /** Every layer, outermost first. */
  readonly layers: readonly LayerDescription[];
  /** Every parameter. */
  readonly params: readonly ParamDescription[];
  /** A table that a person can read. */
  toString(): string;
}

/** Builds `config` on a backend that only counts; matrices of weights are stored as `weights`. */
export function planModel(
  config: ResolvedConfig,
  components: readonly Component[],
  plugins: readonly Plugin[],
  weights: Weights = "f32",
  cacheType: CacheType = "f32",
): Description {
  const planner = createPlanner(), runtime = new Runtime(planner.backend), arena = runtime.arena();
  const params = new Map<string, Description["params"][number]>();
  let parameterBytes = 0, bufferBytes = 0;
  // Plugins see layers that will run, not these.
  const parts = assemble(runtime, config, components, [], {
    weights,
    cacheType,
    param(path, declared) {
      const { shape, layout, trainable } = paramDeclaration(plugins, path, declared, params);
      const dtype = layout === "panels" ? weightType(weights, path) : "f32", bytes = bytesOf({ shape, layout, dtype });
      params.set(path, { path, shape, trainable, dtype, bytes });
      parameterBytes += bytes;
      return runtime.place(arena, shape, layout);
    },
    buffer(shape) {
      bufferBytes += 4 * size(shape);
      return runtime.place(arena, shape);
    },
  });
  const newCache = (batch: number, length: number) => {
    const held = runtime.arena();
    const layers = parts.blocks.map((b) =>
      b.newCache?.(batch, length, (shape, _, dtype) => runtime.place(held, shape, "rows", dtype))
    );
    return { layers, length, held: length, trim() {}, hold() {} };
  };
  const flopsAt = (start: number) => {
    const before = planner.flops(), cache = newCache(1, config.context);
    runtime.scope(() => forward(runtime, config, parts, [0], { start, cache }));
    return planner.flops() - before;
  };
  const flopsPerToken = flopsAt(0), flopsPerTokenFull = flopsAt(config.context - 1);
  const list = [...params.values()],
    count = (filter: (p: (typeof list)[number]) => boolean) =>
      list.filter(filter).reduce((sum, p) => sum + size(p.shape), 0);
  const cacheBytes = (length: number) => {
    let bytes = 0;
    for (const block of parts.blocks) {
      block.newCache?.(1, length, (shape, _, dtype = "f32") => {
        bytes += bytesOf({ shape, dtype, layout: "rows" });
        return runtime.temp(shape, dtype);
      });
    }
    return bytes;
  };
  const description = {
    config,
    parameters: count(() => true),
    trainable: count((p) => p.trainable),
    parameterBytes,
    bytes: parameterBytes + bufferBytes,
    flopsPerToken,
    flopsPerTokenFull,
    cacheBytesPerToken: cacheBytes(SPAN) / SPAN,
    cacheBytes: cacheBytes(config.context),
    layers: parts.layers.map((layer) => ({ ...layer, parameters: count((p) => p.path.startsWith(`${layer.path}.`)) })),
    params: list,
  };
  return { ...description, toString: () => table(description) };
}

/** Layers that are in every model and say nothing. */
function quiet(slot: BuiltLayer["slot"], type: string): boolean {
  return (slot === "stem" || slot === "queryKey" || slot === "scores") && type === slotDefaults[slot];
}

function table(d: Omit<Description, "toString">): string {
  const { config } = d;
  const period = Math.max(...Object.values(config).map((slot) => Array.isArray(slot) ? slot.length : 1));
  const rows: string[][] = d.layers
    .filter(({ slot, type, path }) =>
      !quiet(slot, type) && path !== "head" && Number(/^blocks\.(\d+)/.exec(path)?.[1] ?? 0) < period
    )
    .map(({ path, slot, type, parameters }) => [path, slot, type, parameters.toLocaleString("en-US")]);
  const sizeOf = (path: string) =>
    d.params.filter((p) => p.path.startsWith(`${path}.`)).reduce((sum, p) => sum + size(p.shape), 0);
  const count = (path: string) => sizeOf(path).toLocaleString("en-US");
  rows.unshift(["embedding", "", config.tied ? "tied to the head" : "", count("embedding")]);
  const head = config.head.type === slotDefaults.head ? ["", ""] : ["head", config.head.type];
  if (sizeOf("head") || head[0]) rows.push(["head", ...head, count("head")]);
  const repeated = config.depth > period ? [`… and so on, ${config.depth} blocks in all`] : [];
  const widths = [0, 1, 2, 3].map((c) => Math.max(...rows.map((r) => r[c].length)));
  const lines = rows.map((r) =>
    r.map((cell, c) => c === 3 ? cell.padStart(widths[c]) : cell.padEnd(widths[c])).join("  ").trimEnd()
  );
  const facts: [string, string][] = [
    ["parameters", `${d.parameters.toLocaleString("en-US")} (${d.trainable.toLocaleString("en-US")} trainable)`],
    ["memory", formatBytes(d.bytes)],
    [
      "FLOPs per token",
      `${engineering(d.flopsPerToken)} at the start, ${engineering(d.flopsPerTokenFull)} at ${config.context}`,
    ],
    ["cache per token", formatBytes(d.cacheBytesPerToken)],
  ];
  return [...lines, ...repeated, "", ...facts.map(([name, value]) => `${name.padEnd(16)}${value}`)].join("\n");
}

function engineering(value: number): string {
  for (const [unit, scale] of [["G", 1e9], ["M", 1e6], ["k", 1e3]] as const) {
    if (value >= scale) return `${(value / scale).toPrecision(3)} ${unit}`;
  }
  return String(value);
}
