import type {
  Allocate,
  Attention,
  Block,
  BuildContext,
  Component,
  Head,
  HeadContext,
  ModelSlots,
  Norm,
  Position,
  Stem,
} from "../components/component.ts";
import { zeros } from "../components/init.ts";
import type { Initializer } from "../components/inits/initializer.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type CacheType, isBlocks, type Tensor } from "../runtime/tensor.ts";
import {
  forLayer,
  type PerLayer,
  resolveComponent,
  type ResolvedConfig,
  type ResolvedOptions,
  slotDefaults,
} from "./config.ts";
import { type ParamDeclaration, type Plugin, pluginError } from "./plugin.ts";
import { type Weights, weightType } from "./weights.ts";

/** A layer that has been built: for tables and plugins. */
export interface BuiltLayer {
  /** `blocks.3.attention`. */
  readonly path: string;
  /** What it is used as. */
  readonly slot: keyof ModelSlots;
  /** Name of its component. */
  readonly type: string;
}

/** The parts of a decoder. */
export interface Parts {
  /** `[vocab, dim]`, or as wide as the stem says. */
  readonly embedding: Tensor;
  /** What is done to embeddings first. */
  readonly stem: Stem;
  /** Where tokens are: of the first layer, the only one that may add to embeddings. */
  readonly position: Position;
  /** The residual stream, from first to last. */
  readonly blocks: readonly Block[];
  /** The norm before the head; absent where the last block normalises. */
  readonly norm: Norm | undefined;
  /** From the residual stream to logits. */
  readonly head: Head;
  /** Every layer, outermost first. */
  readonly layers: readonly BuiltLayer[];
}

/** Where the parameters and buffers of a model come from. */
export interface Storage {
  /** What matrices in panels are stored as. */
  readonly weights: Weights;
  /** What caches keep keys and values as. */
  readonly cacheType: CacheType;
  /** Makes a parameter. */
  param(path: string, declaration: ParamDeclaration): Tensor;
  /** Makes untrained memory. */
  readonly buffer: Allocate;
}

/** Builds every layer of `config` on `runtime`, declaring its parameters to `storage` in order. */
export function assemble(
  runtime: Runtime,
  config: ResolvedConfig,
  components: readonly Component[],
  plugins: readonly Plugin[],
  storage: Storage,
): Parts {
  const { ops } = runtime, { vocab, dim, depth, context, tied } = config;
  const layers: BuiltLayer[] = [], initializer = buildInitializer(config, components);

  function contextAt(
    path: string,
    layer: number,
    width: number,
    position: Position,
    heads = config.heads,
  ): BuildContext {
    const prefix = path ? `${path}.` : "";
    const declare = (name: string, declaration: Omit<ParamDeclaration, "trainable">) =>
      storage.param(prefix + name, { ...declaration, trainable: true });
    return {
      ops,
      dim: width,
      heads,
      context,
      layer,
      path,
      position,
      buffer: storage.buffer,
      cacheType: storage.cacheType,
      param: (name, shape, init) => declare(name, { shape, init, layout: "rows" }),
      linear(name, outputs, inputs, { bias = false, residual = false, init } = {}) {
        const shape = [outputs, inputs], start = init ?? initializer.weight(residual ? "residual" : "linear", shape);
        const weight = declare(`${name}.weight`, { shape, init: start, layout: "panels" });
        const shift = bias ? declare(`${name}.bias`, { shape: [outputs], init: zeros, layout: "rows" }) : undefined;
        return (x) => ops.matmul(x, weight, shift);
      },
      make: (slot, name, dim = width, own = heads) => make(slot, prefix + name, layer, dim, position, own),
      error: (message) => new TypeError(`Cannot build ${path}: ${message}`),
    };
  }

  function make<S extends keyof ModelSlots>(
    slot: S,
    path: string,
    layer: number,
    width: number,
    position: Position,
    heads?: number,
    more: Partial<HeadContext> = {},
  ): ModelSlots[S] {
    const choice = forLayer(config[slot] as PerLayer<ResolvedOptions>, layer);
    const { component, config: { type, ...options } } = resolveComponent(components, slot, choice, slot);
    layers.push({ path, slot, type });
    const context = { ...contextAt(path, layer, width, position, heads), ...more };
    let built = component.build(options, context as never) as ModelSlots[S];
    if (slot === "position") expectAlone(config, layer, built as Position);
    for (const plugin of plugins) {
      try {
        built = plugin.layer?.(slot, path, built, runtime) ?? built;
      } catch (error) {
        throw pluginError(plugin, "layer", error);
      }
    }
    return built;
  }

  const stem = make("stem", "stem", 0, dim, {}), width = stem.width ?? dim;
  const embedding = storage.param("embedding.weight", {
    shape: [vocab, width],
    init: initializer.weight("embedding", [vocab, width]),
    // Blocks are always in panels: a row of them is gathered at the cost of reading eight.
    layout: tied || isBlocks(weightType(storage.weights, "embedding.weight")) ? "panels" : "rows",
    trainable: true,
  });
  const positions = new Map<string, Position>(), choice = config.position;
  function positionOf(layer: number): Position {
    const several = Array.isArray(choice) && choice.length > 1, key = JSON.stringify(forLayer(choice, layer));
    const made = positions.get(key) ?? make("position", several ? `position.${layer}` : "position", layer, dim, {});
    positions.set(key, made);
    return made;
  }
  for (let layer = 0; layer < Math.min(depth, [choice].flat().length); layer++) positionOf(layer);
  const blocks = Array.from({ length: depth }, (_, i) => make("block", `blocks.${i}`, i, dim, positionOf(i)));
  const norm = blocks[depth - 1].normalized ? undefined : make("norm", "norm", depth - 1, dim, {});
  const matrix = tied ? embedding : storage.param("head.weight", {
    shape: [vocab, width],
    init: initializer.weight("head", [vocab, width]),
    layout: "panels",
    trainable: true,
  });
  const project = (x: Tensor, bias?: Tensor) => ops.matmul(x, matrix, bias);
  const head = make("head", "head", 0, dim, {}, undefined, { vocab, width, project });
  expectUsed(config, layers);
  return { embedding, stem, position: positionOf(0), blocks, norm, head, layers };
}

/** Throws unless a position that adds to embeddings is the only one. */
function expectAlone({ position }: ResolvedConfig, index: number, { embed }: Position): void {
  if (!embed || !Array.isArray(position) || position.length < 2) return;
  const other = (index + 1) % position.length, [own, next] = [position[index], position[other]];
  throw new TypeError(
    `Cannot build position: position[${index}] "${own.type}" is added to embeddings, which all layers share, and ` +
      `position[${other}] is "${next.type}", expected one position, or several that are not added`,
  );
}

/** Throws if an attention of another kind leaves out what a config asks for. */
function expectUsed(config: ResolvedConfig, layers: readonly BuiltLayer[]): void {
  for (const slot of ["queryKey", "scores"] as const) {
    const asked = [config[slot]].flat().map(({ type }) => type).find((type) => type !== slotDefaults[slot]);
    if (asked === undefined || layers.some((layer) => layer.slot === slot)) continue;
    const { type } = layers.find((layer) => layer.slot === "attention") ?? { type: "none" };
    throw new TypeError(
      `Cannot build a model with ${slot} "${asked}": attention "${type}" does not ask for it, expected ` +
        JSON.stringify(slotDefaults[slot]),
    );
  }
}

function buildInitializer(config: ResolvedConfig, components: readonly Component[]): Initializer {
  const { component, config: { type: _, ...options } } = resolveComponent(components, "init", config.init, "init");
  return (component as Component<"init">).build(options, config);
}

/** Whether attention can be told apart from other layers at run time: it gives weights. */
export function hasWeights(layer: unknown): layer is Required<Pick<Attention, "weights">> & Attention {
  return typeof (layer as Attention).weights === "function";
}
