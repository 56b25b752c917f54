import { builtins } from "../../components/builtins.ts";
import { type ModelConfig, type ModelSizes, resolveConfig } from "../config.ts";
import { show } from "../json.ts";
import type { Change } from "./plan.ts";
import { canonicalJson } from "./trial_key.ts";

/** Slots that a preset fills, in the order in which {@linkcode presetPath} changes them. */
const slots: readonly (keyof Preset["config"])[] = ["norm", "block", "position", "attention", "feedForward"];

/** The components of a published architecture. */
export interface Preset {
  /** Where they are described. */
  readonly source: string;
  /** What it puts into each slot. */
  readonly config: Readonly<Required<Pick<ModelConfig, "norm" | "block" | "position" | "attention" | "feedForward">>>;
}

/** Names of the {@linkcode presets}. */
export type PresetName = "vaswani" | "gpt2" | "llama";

/**
 * Decoders as published, slot by slot. Sizes, `tied` and `init` are not in them, so that models that are compared differ
 * in components alone; for Llama's own models `tied` is `false`, for GPT-2's `init` is `normal` with `residual`.
 *
 * - `vaswani`: Vaswani et al. 2017, sections 3.1 to 3.5. Biases in the feed-forward only. Its factor `√dim` of the
 *   embedding has no component and is left out.
 * - `gpt2`: Radford et al. 2019, as in OpenAI's code: biases everywhere, GELU by tanh.
 * - `llama`: Touvron et al. 2023, section 2.2: no biases, every head has its own keys. For groups of heads as in Llama 2
 *   70B, set `attention` to `groupedQuery`.
 */
export const presets: Readonly<Record<PresetName, Preset>> = {
  vaswani: {
    source: "https://arxiv.org/abs/1706.03762",
    config: {
      norm: "layerNorm",
      block: "postNorm",
      position: "sinusoidal",
      attention: "multiHead",
      feedForward: { type: "relu", bias: true },
    },
  },
  gpt2: {
    source: "https://github.com/openai/gpt-2/blob/master/src/model.py",
    config: {
      norm: "layerNorm",
      block: "preNorm",
      position: "learned",
      attention: { type: "multiHead", bias: "all" },
      feedForward: { type: "gelu", bias: true, approximate: "tanh" },
    },
  },
  llama: {
    source: "https://arxiv.org/abs/2302.13971",
    config: { norm: "rmsNorm", block: "preNorm", position: "rope", attention: "multiHead", feedForward: "swiglu" },
  },
};

/**
 * A preset of given sizes, with `others` in place of what it or the defaults say. Throws a `TypeError` for a name that is
 * none; the config is checked when it is used.
 */
export function presetConfig(
  name: PresetName,
  sizes: Omit<ModelSizes, "tied">,
  others: Partial<ModelConfig> = {},
): ModelConfig {
  return { ...sizes, ...presetNamed(name).config, ...others };
}

/**
 * The single changes that lead from preset `a` to preset `b`, one component at a time: norm, block, position, attention,
 * feed-forward, those left out that are equal. As the `vary` of a `path` that starts at `a`:
 * `presetPath("vaswani", "llama").map(({ path, value }) => ({ path, values: [value] }))`. Throws a `TypeError` for a name
 * that is none.
 */
export function presetPath(a: PresetName, b: PresetName): Change[] {
  // Sizes are the same on both sides, so any will do.
  const sizes = { vocab: 1, context: 1, dim: 1, depth: 1, heads: 1 };
  const from = resolveConfig(builtins, presetConfig(a, sizes)), to = resolveConfig(builtins, presetConfig(b, sizes));
  return slots
    .filter((slot) => canonicalJson(slot, from[slot]) !== canonicalJson(slot, to[slot]))
    .map((slot) => ({ path: slot, value: presets[b].config[slot] as Change["value"] }));
}

function presetNamed(name: PresetName): Preset {
  if (Object.hasOwn(presets, name)) return presets[name];
  const known = Object.keys(presets).map((n) => JSON.stringify(n)).join(", ");
  throw new TypeError(`Cannot use the preset ${show(name)}: there is none, expected ${known}`);
}
