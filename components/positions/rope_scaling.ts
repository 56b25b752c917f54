import type { Json, Option } from "../options.ts";

/** All frequencies divided by `factor` (position interpolation). Chen et al. 2023, https://arxiv.org/abs/2306.15595 */
export interface LinearRopeScaling {
  /** Discriminator. */
  type: "linear";
  /** How many times longer the context becomes. */
  factor: number;
}

/**
 * Up to `originalContext` nothing changes; a run of `length` positions beyond it has the base
 * `base · (factor · length / originalContext − factor + 1)^(dims / (dims − 2))`. "Dynamic NTK",
 * https://www.reddit.com/r/LocalLLaMA/comments/14mrgpr
 */
export interface DynamicRopeScaling {
  /** Discriminator. */
  type: "dynamic";
  /** How strongly the base grows with the length. */
  factor: number;
  /** Context that the model was first trained for. */
  originalContext: number;
}

/**
 * Low frequencies divided by `factor`, high ones kept, a ramp between. Llama 3.1, https://arxiv.org/abs/2407.21783
 */
export interface Llama3RopeScaling {
  /** Discriminator. */
  type: "llama3";
  /** What low frequencies are divided by. */
  factor: number;
  /** Wavelengths above `originalContext / lowFrequencyFactor` are low frequencies. */
  lowFrequencyFactor: number;
  /** Wavelengths below `originalContext / highFrequencyFactor` are high frequencies. */
  highFrequencyFactor: number;
  /** Context that the model was first trained for. */
  originalContext: number;
}

/** The same with a ramp over pairs of channels, and longer queries and keys. Peng et al. 2023, https://arxiv.org/abs/2309.00071 */
export interface YarnRopeScaling {
  /** Discriminator. */
  type: "yarn";
  /** What low frequencies are divided by. */
  factor: number;
  /** Context that the model was first trained for. */
  originalContext: number;
  /** Frequencies of more turns than this over `originalContext` are kept. */
  betaFast: number;
  /** Frequencies of fewer turns than this are divided by `factor`. */
  betaSlow: number;
  /** The ends of the ramp are whole pairs. */
  truncate: boolean;
  /** Factor of what is rotated. */
  attentionFactor: number;
}

/**
 * Each frequency divided by a number of its own: by `shortFactors` in runs of up to `originalContext` positions, by
 * `longFactors` in longer ones. Ding et al. 2024, https://arxiv.org/abs/2402.13753
 */
export interface LongRopeScaling {
  /** Discriminator. */
  type: "longrope";
  /** One for each pair of channels. */
  shortFactors: readonly number[];
  /** One for each pair of channels. */
  longFactors: readonly number[];
  /** Context that the model was first trained for. */
  originalContext: number;
  /** Factor of what is rotated. */
  attentionFactor: number;
}

/** How rotary frequencies change for longer contexts. */
export type RopeScaling =
  | LinearRopeScaling
  | DynamicRopeScaling
  | Llama3RopeScaling
  | YarnRopeScaling
  | LongRopeScaling;

type Kind = "number" | "flag" | "list";

const keys: Readonly<Record<RopeScaling["type"], Readonly<Record<string, Kind>>>> = {
  linear: { factor: "number" },
  dynamic: { factor: "number", originalContext: "number" },
  llama3: { factor: "number", lowFrequencyFactor: "number", highFrequencyFactor: "number", originalContext: "number" },
  yarn: {
    factor: "number",
    originalContext: "number",
    betaFast: "number",
    betaSlow: "number",
    truncate: "flag",
    attentionFactor: "number",
  },
  longrope: { shortFactors: "list", longFactors: "list", originalContext: "number", attentionFactor: "number" },
};

const positive = { type: "number", exclusiveMinimum: 0 } as const;
const kinds: Readonly<Record<Kind, { expected: string; schema: Json; accepts: (v: unknown) => boolean }>> = {
  number: { expected: "a number above 0", schema: positive, accepts: isPositive },
  flag: { expected: "true or false", schema: { type: "boolean" }, accepts: (v) => typeof v === "boolean" },
  list: {
    expected: "numbers above 0",
    schema: { type: "array", items: positive },
    accepts: (v) => Array.isArray(v) && v.every(isPositive),
  },
};

/** Option of {@linkcode rope}: one of the scalings, every part of it given. */
export const ropeScaling: Option<RopeScaling> = {
  default: { type: "linear", factor: 1 },
  expected: Object.entries(keys)
    .map(([type, parts]) => {
      const list = Object.entries(parts).map(([name, kind]) => `"${name}": ${kinds[kind].expected}`).join(", ");
      return `{ "type": "${type}", ${list} }`;
    })
    .join(" or "),
  schema: {
    oneOf: Object.entries(keys).map(([type, parts]): Json => ({
      type: "object",
      properties: {
        type: { const: type },
        ...Object.fromEntries(Object.entries(parts).map(([name, kind]) => [name, kinds[kind].schema])),
      },
      required: ["type", ...Object.keys(parts)],
      additionalProperties: false,
    })),
  },
  accepts(value): value is RopeScaling {
    if (typeof value !== "object" || value === null) return false;
    const { type, ...given } = value as { type: RopeScaling["type"] } & Record<string, unknown>;
    const parts = Object.hasOwn(keys, type) ? Object.entries(keys[type]) : undefined;
    return parts !== undefined && Object.keys(given).length === parts.length &&
      parts.every(([name, kind]) => kinds[kind].accepts(given[name]));
  },
};

function isPositive(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** Whether a run of `length` positions has other frequencies than a short one. */
export function isLong(scaling: RopeScaling | null, length: number): boolean {
  return (scaling?.type === "dynamic" || scaling?.type === "longrope") && length > scaling.originalContext;
}

/** `base^(−2i/dims)` for each pair, scaled for a run of `length` positions. */
export function ropeFrequencies(base: number, dims: number, scaling: RopeScaling | null, length = 0): number[] {
  const plain = (base: number) => Array.from({ length: dims / 2 }, (_, i) => base ** (-2 * i / dims));
  const frequencies = plain(base);
  if (scaling === null) return frequencies;
  switch (scaling.type) {
    case "linear":
      return frequencies.map((f) => f / scaling.factor);
    case "dynamic": {
      const { factor, originalContext } = scaling, growth = factor * length / originalContext - factor + 1;
      return isLong(scaling, length) ? plain(base * growth ** (dims / (dims - 2))) : frequencies;
    }
    case "llama3":
      return frequencies.map((f) => llama3Frequency(f, scaling));
    case "yarn": {
      const kept = yarnShares(base, dims, scaling);
      return frequencies.map((f, i) => kept[i] * f + (1 - kept[i]) * f / scaling.factor);
    }
    case "longrope": {
      const factors = isLong(scaling, length) ? scaling.longFactors : scaling.shortFactors;
      return frequencies.map((f, i) => f / factors[i]);
    }
  }
}

function llama3Frequency(frequency: number, scaling: Llama3RopeScaling): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
  const turns = originalContext * frequency / (2 * Math.PI); // over the original context
  const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
  return kept * frequency + (1 - kept) * frequency / factor;
}

/** How much of each frequency is kept: 1 for fast pairs, 0 for slow ones, a ramp between. */
function yarnShares(base: number, dims: number, scaling: YarnRopeScaling): number[] {
  const { betaFast, betaSlow, originalContext, truncate } = scaling;
  /** The pair that turns so often over the original context; a fraction. */
  const pairOf = (turns: number) => dims * Math.log(originalContext / (turns * 2 * Math.PI)) / (2 * Math.log(base));
  const [fast, slow] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, dims - 1), width = high === low ? 0.001 : high - low;
  return Array.from({ length: dims / 2 }, (_, i) => 1 - Math.min(1, Math.max(0, (i - low) / width)));
}
