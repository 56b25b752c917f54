import type { RopeConfig } from "../../components/positions/rope.ts";
import type { RopeScaling } from "../../components/positions/rope_scaling.ts";
import { CheckpointError } from "../../model/source.ts";
import { float } from "./family.ts";
import type { Fields } from "./fields.ts";

/** What a config says of rotation beside what config.json gives. */
export interface RopeDefaults {
  /** Width of a head. */
  readonly headDim: number;
  /** `max_position_embeddings`. */
  readonly context: number;
  /** Base where none is given. Default: 10,000. */
  readonly theta?: number;
  /** Share of a head's channels that is rotated where none is given. Default: all. */
  readonly part?: number;
  /** Kind of layer whose rotation is wanted, where they differ: `full_attention`. */
  readonly layer?: string;
}

/** A rope, as configs name it. */
export type RopeChoice = { readonly type: "rope" } & Readonly<Pick<RopeConfig, "base" | "dims" | "scaling">>;

const TYPES = { default: "default", linear: "linear", dynamic: "dynamic", llama3: "llama3", yarn: "yarn" } as const;
const ALL_TYPES = { ...TYPES, longrope: "longrope", su: "longrope", "": undefined } as const;

/**
 * Base, rotated channels and scaling, from the fields of hub files (`rope_theta`, `rope_scaling`) or those that
 * transformers 5 writes (`rope_parameters`, for each kind of layer or for all).
 * https://huggingface.co/docs/transformers/internal/rope_utils
 */
export function readRope(
  fields: Fields,
  { headDim, context, theta = 10000, part = 1, layer }: RopeDefaults,
): RopeChoice {
  const parameters = fields.object("rope_parameters"), legacy = fields.object("rope_scaling");
  const own = layer === undefined ? parameters : parameters?.object(layer) ?? parameters;
  const plain = fields.number("rope_theta|rotary_emb_base", theta);
  const whole = fields.number("partial_rotary_factor|rotary_pct|rope_pct", part);
  const base = own ? own.number("rope_theta", plain) : plain;
  const share = own ? own.number("partial_rotary_factor", whole) : whole, dims = Math.trunc(headDim * share);
  const original = fields.maybeCount("original_max_position_embeddings"), scaling = own ?? legacy;
  const made = scaling ? readScaling(scaling, context, original) : null, rest = scaling?.unread() ?? [];
  if (rest.length) {
    throw new CheckpointError(`Cannot read config.json: rope scaling has ${rest.join(", ")}, expected nothing else`);
  }
  return { type: "rope", base, dims: dims === headDim ? null : dims, scaling: made };
}

function readScaling(scaling: Fields, context: number, above: number | undefined): RopeScaling | null {
  const old = scaling.choice("type", ALL_TYPES, ""), type = scaling.choice("rope_type", ALL_TYPES, old ?? "default");
  if (type === undefined || type === "default") return null;
  if (type === "linear") return { type, factor: scaling.number("factor") };
  if (type === "dynamic") {
    // transformers goes by max_position_embeddings.
    scaling.only("original_max_position_embeddings", context);
    return { type, factor: scaling.number("factor"), originalContext: context };
  }
  const within = scaling.maybeCount("original_max_position_embeddings"), originalContext = above ?? within ?? context;
  if (type === "llama3") {
    return {
      type,
      factor: scaling.number("factor"),
      lowFrequencyFactor: scaling.number("low_freq_factor"),
      highFrequencyFactor: scaling.number("high_freq_factor"),
      originalContext: scaling.count("original_max_position_embeddings", above),
    };
  }
  const given = scaling.number("factor", context / originalContext), factor = above ? context / above : given;
  if (type === "yarn") {
    const scales = [scaling.number("mscale", 0), scaling.number("mscale_all_dim", 0)];
    const size = (scale: number) => given <= 1 ? 1 : 0.1 * scale * Math.log(given) + 1;
    return {
      type,
      factor: given,
      originalContext,
      betaFast: scaling.number("beta_fast", 32),
      betaSlow: scaling.number("beta_slow", 1),
      truncate: scaling.flag("truncate", true),
      attentionFactor: scaling.number(
        "attention_factor",
        scales.every(Boolean) ? size(scales[0]) / size(scales[1]) : size(1),
      ),
    };
  }
  const longer = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalContext));
  return {
    type,
    shortFactors: scaling.numbers("short_factor"),
    longFactors: scaling.numbers("long_factor"),
    originalContext,
    attentionFactor: scaling.number("attention_factor", longer),
  };
}

/** The other way: fields of hub files for a rope in canonical form; `{}` for what they cannot say. */
export function ropeFields({ base, scaling }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { rope_theta: float(base), ...(scaling ? { rope_scaling: scalingFields(scaling as RopeScaling) } : {}) };
}

function scalingFields(scaling: RopeScaling): Readonly<Record<string, unknown>> {
  const named = "factor" in scaling ? { factor: float(scaling.factor) } : {}, { type: rope_type } = scaling;
  switch (scaling.type) {
    case "linear":
    case "dynamic":
      return { rope_type, ...named };
    case "llama3":
      return {
        rope_type,
        ...named,
        low_freq_factor: float(scaling.lowFrequencyFactor),
        high_freq_factor: float(scaling.highFrequencyFactor),
        original_max_position_embeddings: scaling.originalContext,
      };
    case "yarn":
      return {
        rope_type,
        ...named,
        beta_fast: float(scaling.betaFast),
        beta_slow: float(scaling.betaSlow),
        truncate: scaling.truncate,
        attention_factor: float(scaling.attentionFactor),
        original_max_position_embeddings: scaling.originalContext,
      };
    case "longrope":
      return {
        rope_type,
        short_factor: scaling.shortFactors.map(float),
        long_factor: scaling.longFactors.map(float),
        attention_factor: float(scaling.attentionFactor),
        original_max_position_embeddings: scaling.originalContext,
      };
  }
}
