import type {
  Allocate,
  Attention,
  Block,
  BuildContext,
  Component,
  ModelSlots,
  Norm,
  Position,
} from "../components/component.ts";
import { zeros } from "../components/init.ts";
import type { Initializer } from "../components/inits/initializer.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { isBlocks, type Tensor, type WeightType } from "../runtime/tensor.ts";
import { forLayer, type PerLayer, resolveComponent, type ResolvedConfig, type ResolvedOptions } from "./config.ts";
import { type ParamDeclaration, type Plugin, pluginError } from "./plugin.ts";

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
  /** `[vocab, dim]`. */
  readonly embedding: Tensor;
  /** Where tokens are. */
  readonly position: Position;
  /** The residual stream, from first to last. */
  readonly blocks: readonly Block[];
  /** The norm before the head; absent where the last block normalises. */
  readonly norm: Norm | undefined;
  /** `[..., dim] → [..., vocab]`. */
  readonly head: (x: Tensor) => Tensor;
  /** Every layer, outermost first. */
  readonly layers: readonly BuiltLayer[];
}

/** Where the parameters and buffers of a model come from. */
export interface Storage {
  /** What matrices in panels are stored as. */
  readonly weights: WeightType;
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
  const { ops } = runtime, { vocab, dim, depth, heads, context, tied } = config;
  const layers: BuiltLayer[] = [], initializer = buildInitializer(config, components);

  function contextAt(path: string, layer: number, width: number, position: Position): BuildContext {
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
      param: (name, shape, init) => declare(name, { shape, init, layout: "rows" }),
      linear(name, outputs, inputs, { bias = false, residual = false, init } = {}) {
        const shape = [outputs, inputs], start = init ?? initializer.weight(residual ? "residual" : "linear", shape);
        const weight = declare(`${name}.weight`, { shape, init: start, layout: "panels" });
        const shift = bias ? declare(`${name}.bias`, { shape: [outputs], init: zeros, layout: "rows" }) : undefined;
        return (x) => ops.matmul(x, weight, shift);
      },
      make: (slot, name, dim = width) => make(slot, prefix + name, layer, dim, position),
      error: (message) => new TypeError(`Cannot build ${path}: ${message}`),
    };
  }

  function make<S extends keyof ModelSlots>(
    slot: S,
    path: string,
    layer: number,
    width: number,
    position: Position,
  ): ModelSlots[S] {
    const choice = forLayer(config[slot] as PerLayer<ResolvedOptions>, layer);
    const { component, config: { type, ...options } } = resolveComponent(components, slot, choice, slot);
    layers.push({ path, slot, type });
    let built = component.build(options, contextAt(path, layer, width, position) as never) as ModelSlots[S];
    for (const plugin of plugins) {
      try {
        built = plugin.layer?.(slot, path, built, runtime) ?? built;
      } catch (error) {
        throw pluginError(plugin, "layer", error);
      }
    }
    return built;
  }

  const root = contextAt("", 0, dim, {});
  const embedding = storage.param("embedding.weight", {
    shape: [vocab, dim],
    init: initializer.weight("embedding", [vocab, dim]),
    // Blocks are always in panels: a row of them is gathered at the cost of reading eight.
    layout: tied || isBlocks(storage.weights) ? "panels" : "rows",
    trainable: true,
  });
  const position = make("position", "position", 0, dim, {});
  const blocks = Array.from({ length: depth }, (_, i) => make("block", `blocks.${i}`, i, dim, position));
  const norm = blocks[depth - 1].normalized ? undefined : make("norm", "norm", depth - 1, dim, position);
  const head = tied
    ? (x: Tensor) => ops.matmul(x, embedding)
    : root.linear("head", vocab, dim, { init: initializer.weight("head", [vocab, dim]) });
  return { embedding, position, blocks, norm, head, layers };
}

function buildInitializer(config: ResolvedConfig, components: readonly Component[]): Initializer {
  const { component, config: { type: _, ...options } } = resolveComponent(components, "init", config.init, "init");
  return (component as Component<"init">).build(options, config);
}

/** Whether attention can be told apart from other layers at run time: it gives weights. */
export function hasWeights(layer: unknown): layer is Required<Pick<Attention, "weights">> & Attention {
  return typeof (layer as Attention).weights === "function";
}
