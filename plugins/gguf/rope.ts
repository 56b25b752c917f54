import type { RopeScaling } from "../../components/positions/rope_scaling.ts";
import type { RopeChoice } from "../huggingface/rope.ts";
import type { Facts } from "./family.ts";
import type { MetadataFields } from "./fields.ts";
import { yarnGrowth } from "./rope_factors.ts";

/** The tensor that divides the frequencies of rotary positions, pair by pair. */
export const ROPE_FACTORS = "rope_freqs.weight";
/** The same for short runs, where there are two. */
export const SHORT_FACTORS = "rope_factors_short.weight";
/** The same for long runs. */
export const LONG_FACTORS = "rope_factors_long.weight";
/** All of them: they are part of the config. */
export const ropeTensors: ReadonlySet<string> = new Set([ROPE_FACTORS, SHORT_FACTORS, LONG_FACTORS]);

const kinds = { none: "none", linear: "linear", yarn: "yarn", longrope: "longrope" } as const;

/** Rotary positions of heads of `headDim` channels, in a model for `context` positions. */
export function ropeOf(fields: MetadataFields, facts: Facts, headDim: number, context: number): RopeChoice {
  const dims = fields.maybeCount("rope.dimension_count", 2 ** 16) ?? headDim,
    base = fields.number("rope.freq_base", 1e4);
  const scaling = scalingOf(fields, facts, base, dims, context);
  return { type: "rope", base, dims: dims === headDim ? null : dims, scaling };
}

function scalingOf(
  fields: MetadataFields,
  facts: Facts,
  base: number,
  dims: number,
  context: number,
): RopeScaling | null {
  const byFactors = facts.ropeScaling(base, dims), kind = fields.choice("rope.scaling.type", kinds, "linear");
  const factor = fields.maybeNumber("rope.scaling.factor") ?? fields.maybeNumber("rope.scale_linear") ?? 1;
  fields.ignore("rope.scale_linear", "rope.scaling.original_context_length", "rope.scaling.finetuned");
  if (facts.longRope || kind === "longrope") return longRope(fields, facts, context);
  if (kind === "yarn") {
    if (byFactors) fields.only("rope.scaling.type", "none"); // not both: the factors scale, too
    return yarn(fields, factor, context);
  }
  fields.only("rope.scaling.attn_factor", 1);
  if (kind === "none" || factor === 1) return byFactors;
  if (byFactors) expectUnscaled(fields);
  return { type: "linear", factor };
}

/** Phi 3's files say nothing of a type: two lists of factors are enough. */
function longRope(fields: MetadataFields, { longRope }: Facts, context: number): RopeScaling {
  if (!longRope) fields.only("rope.scaling.type", "none"); // it means nothing without factors
  if (fields.choice("rope.scaling.type", kinds, "longrope") === "yarn") fields.only("rope.scaling.type", "longrope");
  expectUnscaled(fields);
  const original = fields.count("rope.scaling.original_context_length", context), longer = context / original;
  const given = fields.number("rope.scaling.attn_factor", 1);
  const exact = longer <= 1 ? 1 : Math.sqrt(1 + Math.log(longer) / Math.log(original));
  return {
    type: "longrope",
    ...longRope!,
    originalContext: original,
    attentionFactor: Math.fround(exact) === Math.fround(given) ? exact : given, // stored as f32
  };
}

/**
 * Queries and keys grow by `0.1 · ln(factor) + 1`, unless the file has another number for that.
 * https://github.com/ggml-org/llama.cpp/pull/17945
 */
function yarn(fields: MetadataFields, factor: number, context: number): RopeScaling {
  fields.only("rope.scaling.yarn_ext_factor", 1);
  const given = fields.maybeNumber("rope.scaling.yarn_attn_factor");
  if (given !== undefined) fields.only("rope.scaling.attn_factor", 1); // not both
  const grown = yarnGrowth(factor) * fields.number("rope.scaling.attn_factor", 1);
  return {
    type: "yarn",
    factor,
    originalContext: fields.count("rope.scaling.original_context_length", context),
    betaFast: fields.number("rope.scaling.yarn_beta_fast", 32),
    betaSlow: fields.number("rope.scaling.yarn_beta_slow", 1),
    truncate: true,
    attentionFactor: given ?? grown,
  };
}

function expectUnscaled(fields: MetadataFields): void {
  for (const key of ["rope.scaling.factor", "rope.scale_linear"]) fields.only(key, 1);
}
