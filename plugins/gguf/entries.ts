import type { RopeScaling } from "../../components/positions/rope_scaling.ts";
import type { ResolvedConfig, ResolvedOptions } from "../../model/config.ts";
import { yarnGrowth } from "./rope_factors.ts";
import type { MetaValue } from "./writer.ts";

/** What metadata says, by key without the name of the architecture, in order; `undefined` for what it does not say. */
export type Entries = Readonly<Record<string, MetaValue | undefined>>;

/** A whole number; nothing for what is no number. */
export const whole = (value: unknown): MetaValue | undefined => typeof value === "number" ? ["u32", value] : undefined;
/** The same for any number. */
export const real = (value: unknown): MetaValue | undefined => typeof value === "number" ? ["f32", value] : undefined;

/** Options of one layer's components, whatever they are. */
export interface LayerParts {
  readonly position: ResolvedOptions;
  readonly norm: ResolvedOptions;
  readonly attention: ResolvedOptions;
  readonly queryKey: ResolvedOptions;
  readonly scores: ResolvedOptions;
  readonly feedForward: ResolvedOptions;
  readonly block: ResolvedOptions;
}

/**
 * A layer of a canonical config: the first that sees all positions and turns, if there is one, as metadata are about such
 * layers. What differs in others is found when the metadata are read.
 */
export function layerOf({ depth, ...config }: ResolvedConfig): LayerParts {
  const at = (choice: ResolvedOptions | readonly ResolvedOptions[], i: number) =>
    [choice].flat()[i % [choice].flat().length];
  const { position, norm, attention, queryKey, scores, feedForward, block } = config;
  const layers = Array.from({ length: depth }, (_, i): LayerParts => ({
    position: at(position, i),
    norm: at(norm, i),
    attention: at(attention, i),
    queryKey: at(queryKey, i),
    scores: at(scores, i),
    feedForward: at(feedForward, i),
    block: at(block, i),
  }));
  return layers.find(({ attention, position }) => attention.window === null && position.type !== "none") ?? layers[0];
}

/** The windows of all layers of a canonical config; `null` for all the way. */
export function windowsOf({ attention, depth }: ResolvedConfig): (number | null)[] {
  const layers = [attention].flat();
  return Array.from({ length: depth }, (_, i) => layers[i % layers.length].window as number | null);
}

/** What the metadata of all architectures say of a canonical config. */
export function commonEntries(config: ResolvedConfig): Entries {
  const { vocab, context, dim, depth, heads } = config, { position, norm, attention, feedForward } = layerOf(config);
  const { headDim, kvHeads } = attention;
  return {
    vocab_size: whole(vocab),
    context_length: whole(context),
    embedding_length: whole(dim),
    block_count: whole(depth),
    feed_forward_length: whole(feedForward.hidden),
    "attention.head_count": whole(heads),
    "attention.head_count_kv": whole(kvHeads),
    "attention.key_length": whole(headDim),
    "attention.value_length": whole(headDim),
    [norm.type === "rmsNorm" ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon"]: real(norm.eps),
    ...(position.type === "rope" && {
      "rope.dimension_count": whole(position.dims ?? headDim),
      "rope.freq_base": real(position.base),
      ...scalingEntries(position.scaling as RopeScaling | null),
    }),
  };
}

/** Scalings of rotary positions, but for the factors that are tensors. */
function scalingEntries(scaling: RopeScaling | null): Entries {
  switch (scaling?.type) {
    case "linear":
      return { "rope.scaling.type": ["text", "linear"], "rope.scaling.factor": real(scaling.factor) };
    case "yarn": {
      // llama.cpp lets queries and keys grow by itself: what is written is what more they grow by.
      const more = scaling.attentionFactor / yarnGrowth(scaling.factor);
      return {
        "rope.scaling.type": ["text", "yarn"],
        "rope.scaling.factor": real(scaling.factor),
        "rope.scaling.original_context_length": whole(scaling.originalContext),
        "rope.scaling.yarn_beta_fast": real(scaling.betaFast),
        "rope.scaling.yarn_beta_slow": real(scaling.betaSlow),
        "rope.scaling.attn_factor": Math.fround(more) === 1 ? undefined : real(more),
      };
    }
    case "longrope":
      return {
        "rope.scaling.type": ["text", "longrope"],
        "rope.scaling.original_context_length": whole(scaling.originalContext),
        "rope.scaling.attn_factor": real(scaling.attentionFactor),
      };
  }
  return {};
}
