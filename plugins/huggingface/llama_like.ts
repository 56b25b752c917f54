import type { ModelConfig, ResolvedConfig } from "../../model/config.ts";
import { CheckpointError } from "../../model/source.ts";
import { activations, gatedActivations } from "./activations.ts";
import { type Family, float, keyFor, naming, renamed, type Renaming } from "./family.ts";
import type { Fields } from "./fields.ts";
import { readRope, type RopeChoice, type RopeDefaults, ropeFields } from "./rope.ts";

/** Parts of a config that families set. */
type Part<K extends keyof ModelConfig> = Exclude<NonNullable<ModelConfig[K]>, string | readonly unknown[]>;
/** A softmax attention. */
export type AttentionChoice = Extract<Part<"attention">, { type: "multiHead" } | { type: "groupedQuery" }>;
/** A feed-forward that is not made of experts. */
export type FeedForwardChoice = Exclude<Part<"feedForward">, { type: "experts" }>;
/** Options of a {@linkcode AttentionChoice} that families set. */
export type AttentionTraits = Pick<AttentionChoice, "bias" | "scale" | "window">;

/** Fields of config.json that a family leaves out where they have these values. */
export interface LlamaDefaults {
  /** `vocab_size`. */
  readonly vocab: number;
  /** `max_position_embeddings`. */
  readonly context: number;
  /** `hidden_size`. */
  readonly dim: number;
  /** `num_hidden_layers`. */
  readonly depth: number;
  /** `num_attention_heads`. */
  readonly heads: number;
  /** `num_key_value_heads`; absent for `heads`. */
  readonly kvHeads?: number;
  /** `head_dim`; absent for `dim / heads`. */
  readonly headDim?: number;
  /** `intermediate_size`. */
  readonly hidden: number;
  /** `tie_word_embeddings`. Default: `false`. */
  readonly tied?: boolean;
  /** `rope_theta`. Default: 10,000. */
  readonly theta?: number;
  /** `partial_rotary_factor`. Absent where all channels are rotated, whatever a config says. */
  readonly part?: number;
  /** `original_max_position_embeddings`. Default: that of the rotation's scaling. */
  readonly original?: number;
}

/** What a config.json of such a family says before the family's own fields are looked at. */
export interface LlamaBase {
  /** The model, were it a Llama. */
  readonly config: ModelConfig;
  /** Width of a head. */
  readonly headDim: number;
  /** Number of layers. */
  readonly depth: number;
  /** The norm's `eps`. */
  readonly eps: number;
  /** The model's rotation, for one kind of layer where they differ. */
  rope(layer?: string, theta?: number): RopeChoice | { readonly type: "none" };
  /** The model's attention with other options. */
  attention(traits: AttentionTraits): AttentionChoice;
  /** The model's feed-forward with biases or without. */
  feedForward(bias: boolean): FeedForwardChoice;
}

/** What sets a family that is built and named like Llama apart. */
export interface LlamaTraits {
  /** Class in transformers: `LlamaForCausalLM`. */
  readonly architecture: string;
  /** `model_type`. */
  readonly type: string;
  /** See {@linkcode LlamaDefaults}. */
  readonly defaults: LlamaDefaults;
  /** Name and default of the norm's `eps`. Default: `rms_norm_eps`, 1e-6. */
  readonly eps?: readonly [key: string, value: number];
  /** Names of the activation, which the first counts of, and its default. Default: `hidden_act`, `silu`. */
  readonly activation?: readonly [key: string, value: string];
  /** There are no groups of heads, whatever `num_key_value_heads` says. */
  readonly ungrouped?: boolean;
  /** See {@linkcode RopeDefaults.pairs}. */
  readonly pairs?: NonNullable<RopeDefaults["pairs"]>;
  /** The feed-forward has two products. Default: three. */
  readonly ungated?: boolean;
  /** Which products of attention have a bias. Default: as `attention_bias` says, all or none. */
  readonly bias?: AttentionChoice["bias"];
  /** Whether feed-forwards have biases. Default: as `mlp_bias` says. */
  readonly mlpBias?: boolean;
  /** Stored names beside those of Llama, or instead of them. */
  readonly names?: Renaming["names"];
  /** See {@linkcode Renaming.base}. Default: `model.`. */
  readonly base?: string;
  /** See {@linkcode Renaming.buffers}. */
  readonly buffers?: RegExp;
  /** See {@linkcode Renaming.split}. */
  readonly split?: NonNullable<Renaming["split"]>;
  /** Kind of layer whose rotation stands for the model's, where `rope_parameters` tells them apart. */
  readonly layer?: string;
  /** What the family's own fields make of the model. Default: nothing. */
  config?(fields: Fields, base: LlamaBase): ModelConfig;
  /** The family's own fields for a model in canonical form. Absent where checkpoints are only read. */
  fields?(config: ResolvedConfig): Readonly<Record<string, unknown>>;
}

const llamaNames = [
  ["model.embed_tokens", "embedding"],
  ["model.layers.#.self_attn.q_proj", "blocks.#.attention.q"],
  ["model.layers.#.self_attn.k_proj", "blocks.#.attention.k"],
  ["model.layers.#.self_attn.v_proj", "blocks.#.attention.v"],
  ["model.layers.#.self_attn.o_proj", "blocks.#.attention.out"],
  ["model.layers.#.self_attn.q_norm", "blocks.#.attention.query.norm"],
  ["model.layers.#.self_attn.k_norm", "blocks.#.attention.key.norm"],
  ["model.layers.#.mlp.gate_proj", "blocks.#.feedForward.gate"],
  ["model.layers.#.mlp.up_proj", "blocks.#.feedForward.up"],
  ["model.layers.#.mlp.down_proj", "blocks.#.feedForward.down"],
  ["model.layers.#.input_layernorm", "blocks.#.norm1"],
  ["model.layers.#.post_attention_layernorm", "blocks.#.norm2"],
  ["model.norm", "norm"],
  ["lm_head", "head"],
] as const;

/** The family of a config mapping and a renaming that differ little from Llama's. */
export function llamaLike(traits: LlamaTraits): Family {
  const own = traits.names ?? [], taken = new Set(own.flatMap(([name, path]) => [name, path]));
  const pairs = [...llamaNames.filter(([name, path]) => !taken.has(name) && !taken.has(path)), ...own];
  const names = naming(pairs), { fields: ownFields, buffers, split } = traits;
  return {
    config(fields) {
      const base = readBase(fields, traits);
      return traits.config?.(fields, base) ?? base.config;
    },
    weights: renamed({
      names: pairs,
      base: traits.base ?? "model.",
      ...(buffers && { buffers }),
      ...(split && { split }),
    }),
    ...(ownFields && {
      fields: (config) => ({ ...writeBase(config, traits), ...ownFields(config) }),
      store: (tensors) => new Map([...tensors].map(([path, tensor]) => [names.name(path)!, tensor])),
    }),
    // transformers refuses them in Llama, also where head_dim is given, and what goes by its name follows.
    limits: ({ dim, heads }) => dim % heads && traits.defaults.headDim === undefined ? ["heads"] : [],
  };
}

function readBase(fields: Fields, traits: LlamaTraits): LlamaBase {
  const { defaults, activation: [actKey, act] = ["hidden_act", "silu"], ungated = false } = traits;
  const dim = fields.count("hidden_size", defaults.dim), heads = fields.count("num_attention_heads", defaults.heads);
  const given = fields.nullableCount("num_key_value_heads", defaults.kvHeads),
    kvHeads = traits.ungrouped ? heads : given ?? heads;
  const headDim = fields.nullableCount("head_dim", defaults.headDim) ?? Math.floor(dim / heads);
  const [epsKey, epsValue] = traits.eps ?? ["rms_norm_eps", 1e-6], eps = fields.number(epsKey, epsValue);
  const context = fields.count("max_position_embeddings", defaults.context);
  const depth = fields.count("num_hidden_layers", defaults.depth), { theta, part, original } = defaults;
  const bias = traits.bias ?? (fields.flag("attention_bias", false) ? "all" : "none");
  const rope = (layer?: string, other = theta) => {
    const choice = readRope(fields, {
      headDim,
      context,
      ...(other !== undefined && { theta: other }),
      ...(part !== undefined && { part }),
      ...(traits.pairs && { pairs: true }),
      ...(original !== undefined && { original }),
      ...(layer !== undefined && { layer }),
    });
    return choice.dims === 0 ? { type: "none" } as const : choice;
  };
  const attention = (more: AttentionTraits): AttentionChoice => {
    const shared = { ...(headDim * heads !== dim && { headDim }), bias, ...more };
    return kvHeads === heads ? { type: "multiHead", ...shared } : { type: "groupedQuery", kvHeads, ...shared };
  };
  const position = rope(traits.layer), scaling = position.type === "rope" ? position.scaling : null;
  const hidden = fields.count("intermediate_size", defaults.hidden);
  const activation = ungated ? fields.choice(actKey, activations, act) : fields.choice(actKey, gatedActivations, act);
  const feedForward = (bias: boolean): FeedForwardChoice => ({ ...activation, hidden, bias });
  return {
    config: {
      vocab: fields.count("vocab_size", defaults.vocab),
      context: scaling?.type === "dynamic" ? Math.round(context * Math.max(1, scaling.factor)) : context,
      dim,
      depth,
      heads,
      tied: fields.flag("tie_word_embeddings", defaults.tied ?? false),
      position,
      norm: { type: "rmsNorm", eps },
      attention: attention({}),
      feedForward: feedForward(traits.mlpBias ?? fields.flag("mlp_bias", false)),
      block: "preNorm",
    },
    headDim,
    depth,
    eps,
    rope,
    attention,
    feedForward,
  };
}

function writeBase(config: ResolvedConfig, traits: LlamaTraits): Readonly<Record<string, unknown>> {
  const { vocab, context, dim, depth, heads, tied } = config;
  type Values = Readonly<Record<string, unknown>>;
  const [position] = [config.position].flat() as Values[], [norm] = [config.norm].flat() as Values[];
  const { kvHeads, headDim, bias } = ([config.attention].flat() as Values[])[0];
  const { hidden, bias: mlpBias, ...activation } = ([config.feedForward].flat() as Values[])[0];
  const scaling = position.scaling as { type: string; originalContext: number } | null | undefined;
  return {
    architectures: [traits.architecture],
    model_type: traits.type,
    hidden_size: dim,
    intermediate_size: hidden,
    num_hidden_layers: depth,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    ...((headDim !== dim / heads || traits.defaults.headDim !== undefined) && { head_dim: headDim }),
    vocab_size: vocab,
    max_position_embeddings: scaling?.type === "dynamic" ? scaling.originalContext : context,
    [(traits.eps ?? ["rms_norm_eps"])[0]]: float(norm.eps),
    ...ropeFields(position),
    [(traits.activation ?? ["hidden_act"])[0].split("|")[0]]: keyFor(
      traits.ungated ? activations : gatedActivations,
      activation,
    ),
    tie_word_embeddings: tied,
    ...(traits.bias === undefined && { attention_bias: bias === "all" }),
    ...(traits.mlpBias === undefined && { mlp_bias: mlpBias }),
  };
}

/** Layers for which lists are written out: a model may not have more. */
export const MOST_LAYERS: number = 4096;

/** Kinds of layers: how far they see. */
export type LayerKind = "full_attention" | "sliding_attention";

/** The kind of every layer, as `layer_types` says, or else `kindOf`. */
export function layerKinds(fields: Fields, depth: number, kindOf: (layer: number) => LayerKind): LayerKind[] {
  const given = fields.texts("layer_types");
  if (!given) return Array.from({ length: Math.min(depth, MOST_LAYERS) }, (_, i) => kindOf(i));
  const odd = given.find((kind) => kind !== "full_attention" && kind !== "sliding_attention");
  if (odd !== undefined || given.length !== depth) {
    throw new CheckpointError(
      `Cannot read config.json: layer_types ${odd === undefined ? `has ${given.length} entries` : `has "${odd}"`}, ` +
        `expected ${depth} of "full_attention" or "sliding_attention"`,
    );
  }
  return given as LayerKind[];
}

/** `make` of each kind; one of them where all are equal. */
export function perKind<T>(kinds: readonly LayerKind[], make: (kind: LayerKind) => T): T | T[] {
  return kinds.every((kind) => kind === kinds[0]) ? make(kinds[0]) : kinds.map(make);
}

/** Fields for layers of a canonical config that see `window` positions, or all. */
export function kindFields({ attention, depth }: ResolvedConfig): Readonly<Record<string, unknown>> {
  const layers = [attention].flat() as Readonly<Record<string, unknown>>[];
  const windows = Array.from({ length: depth }, (_, i) => layers[i % layers.length].window as number | null);
  return {
    sliding_window: windows.find((window) => window !== null) ?? null,
    layer_types: windows.map((window) => window === null ? "full_attention" : "sliding_attention"),
  };
}

/** `1 / scale²`, as a short number if that has the same root. */
export function inverseSquare(scale: unknown): number {
  const exact = Number(scale) ** -2, short = Number(exact.toPrecision(15));
  return short ** -0.5 === scale ? short : exact;
}
