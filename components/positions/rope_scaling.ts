import type { Json, Option } from "../options.ts";

/** All frequencies divided by `factor` (position interpolation). Chen et al. 2023, https://arxiv.org/abs/2306.15595 */
export interface LinearRopeScaling {
  /** Discriminator. */
  type: "linear";
  /** How many times longer the context becomes. */
  factor: number;
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

/** How rotary frequencies change for longer contexts. */
export type RopeScaling = LinearRopeScaling | Llama3RopeScaling;

const keys: Readonly<Record<RopeScaling["type"], readonly string[]>> = {
  linear: ["factor"],
  llama3: ["factor", "lowFrequencyFactor", "highFrequencyFactor", "originalContext"],
};

/** Option of {@linkcode rope}: one of the scalings, every number of it given. */
export const ropeScaling: Option<RopeScaling> = {
  default: { type: "linear", factor: 1 },
  expected: Object.entries(keys)
    .map(([type, names]) => `{ "type": "${type}", ${names.map((n) => `"${n}": a number above 0`).join(", ")} }`)
    .join(" or "),
  schema: {
    oneOf: Object.entries(keys).map(([type, names]): Json => ({
      type: "object",
      properties: {
        type: { const: type },
        ...Object.fromEntries(names.map((n) => [n, { type: "number", exclusiveMinimum: 0 }])),
      },
      required: ["type", ...names],
      additionalProperties: false,
    })),
  },
  accepts(value): value is RopeScaling {
    if (typeof value !== "object" || value === null) return false;
    const { type, ...numbers } = value as { type: RopeScaling["type"] } & Record<string, unknown>;
    const names = Object.hasOwn(keys, type) ? keys[type] : undefined;
    return names !== undefined && Object.keys(numbers).length === names.length &&
      names.every((n) => typeof numbers[n] === "number" && Number.isFinite(numbers[n]) && numbers[n] > 0);
  },
};

/** `base^(−2i/dims)` for each pair, scaled. */
export function ropeFrequencies(base: number, dims: number, scaling: RopeScaling | null): number[] {
  return Array.from({ length: dims / 2 }, (_, i) => {
    const frequency = base ** (-2 * i / dims);
    if (scaling === null) return frequency;
    if (scaling.type === "linear") return frequency / scaling.factor;
    const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
    const turns = originalContext * frequency / (2 * Math.PI); // over the original context
    const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
    return kept * frequency + (1 - kept) * frequency / factor;
  });
}
