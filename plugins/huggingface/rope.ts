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
  /** Share of a head's channels that is rotated where none is given. Absent where all are, whatever a config says. */
  readonly part?: number;
  /** There is nothing to turn the last of an odd number of channels by. */
  readonly pairs?: boolean;
  /** `original_max_position_embeddings` beside the scaling, where none is given. Default: none. */
  readonly original?: number;
  /** Kind of layer whose rotation is wanted, where they differ: `full_attention`. */
  readonly layer?: string;
}

/** A rope, as configs name it; `dims` 0 where a share is less than a channel. */
export type RopeChoice = { readonly type: "rope" } & Readonly<Pick<RopeConfig, "base" | "dims" | "scaling">>;

const TYPES = {
  default: "default",
  linear: "linear",
  dynamic: "dynamic",
  llama3: "llama3",
  yarn: "yarn",
  longrope: "longrope",
  su: "longrope", // its first name
} as const;

/**
 * Base, rotated channels and scaling, from the fields of hub files (`rope_theta`, `rope_scaling`) or those that
 * transformers 5 writes (`rope_parameters`, for each kind of layer or for all).
 * https://huggingface.co/docs/transformers/internal/rope_utils
 */
export function readRope(fields: Fields, defaults: RopeDefaults): RopeChoice {
  const { headDim, context, theta = 10000, part, layer } = defaults;
  const parameters = fields.object("rope_parameters"), legacy = fields.object("rope_scaling");
  const own = layer === undefined ? parameters : parameters?.object(layer) ?? parameters;
  const plain = fields.number("rope_theta|rotary_emb_base", theta);
  const whole = fields.number("partial_rotary_factor|rotary_pct|rope_pct", part ?? 1);
  const base = own ? own.number("rope_theta", plain) : plain;
  const share = own ? own.number("partial_rotary_factor", whole) : whole;
  const original = fields.nullableCount("original_max_position_embeddings", defaults.original), scaling = own ?? legacy;
  const made = scaling ? readScaling(scaling, context, original) : null, rest = scaling?.unread() ?? [];
  if (rest.length) {
    throw new CheckpointError(`Cannot read config.json: rope scaling has ${rest.join(", ")}, expected nothing else`);
  }
  // Where transformers knows no shares it does not look at them, but scalings do, and fail.
  const dims = part === undefined && made === null ? headDim : Math.trunc(headDim * share);
  if (part === undefined && dims !== headDim) {
    throw new CheckpointError(
      `Cannot read config.json: partial_rotary_factor is ${share}, expected none with a scaling`,
    );
  }
  if (dims % 2 === 0 || dims >= headDim) {
    return { type: "rope", base, dims: dims === headDim ? null : dims, scaling: made };
  }
  if (defaults.pairs || (made && made.type !== "linear" && made.type !== "llama3")) {
    const what = made ? `rope scaling "${made.type}"` : `partial_rotary_factor ${share}`;
    throw new CheckpointError(
      `Cannot read config.json: ${what} is for ${dims} channels of a head, expected an even number`,
    );
  }
  // Of an odd number of channels transformers turns one more, by what are the frequencies of another base.
  return { type: "rope", base: base ** ((dims + 1) / dims), dims: dims + 1, scaling: made };
}

function readScaling(scaling: Fields, context: number, above: number | undefined): RopeScaling | null {
  const old = scaling.choice("type", { ...TYPES, "": undefined }, "");
  const type = scaling.choice("rope_type", TYPES, old ?? "default");
  if (type === "default") return null;
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
      originalContext,
    };
  }
  const factor = scaling.number("factor", context / originalContext);
  if (type === "yarn") {
    const scales = [scaling.number("mscale", 0), scaling.number("mscale_all_dim", 0)];
    const size = (scale: number) => factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    return {
      type,
      factor,
      originalContext,
      betaFast: scaling.number("beta_fast", 32) || 32,
      betaSlow: scaling.number("beta_slow", 1) || 1,
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
