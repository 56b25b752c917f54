import { builtins } from "../../components/builtins.ts";
import type { Component } from "../../components/component.ts";
import type { Json } from "../../components/options.ts";
import { forLayer, type PerLayer, resolveConfig, type ResolvedConfig, type ResolvedOptions } from "../config.ts";
import { expectJson, show } from "../json.ts";
import { sha256 } from "../sha256.ts";

/** Everything that the result of one training run depends on. */
export interface Trial {
  /** The model, as {@linkcode resolveConfig} takes it. */
  readonly config: unknown;
  /** A whole number. */
  readonly seed: number;
  /** How long and how it is trained: steps or tokens, batch, optimizer, schedule, whatever changes the result. */
  readonly budget: Json;
  /** Tells the tokens apart. */
  readonly dataHash: string;
  /** Tells the code apart: results of other code are other results. */
  readonly codeVersion: string;
}

/**
 * SHA-256, in hexadecimal, of the canonical JSON of a trial: equal for equal trials however they are written (order of
 * keys, defaults given or left out, a name or an object, one component or a list that repeats it), different for any
 * other. `null` where an option stands for a rule (`hidden`: 8/3 of `dim`) and the number that the rule gives are two
 * spellings that it does tell apart: only components know their rules. Rejects with a `TypeError` for a wrong config or
 * field.
 */
export async function trialKey(trial: Trial, components: readonly Component[] = []): Promise<string> {
  const { config, seed, budget, dataHash, codeVersion, ...rest } = trial;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot make a trial's key: it has "${unknown}", expected "config", "seed", "budget", "dataHash", "codeVersion"`,
    );
  }
  if (!Number.isSafeInteger(seed)) {
    throw new TypeError(`Cannot make a trial's key: seed is ${show(seed)}, expected a whole number`);
  }
  for (const [name, text] of Object.entries({ dataHash, codeVersion })) {
    if (typeof text === "string" && text) continue;
    throw new TypeError(`Cannot make a trial's key: ${name} is ${show(text)}, expected a text that is not empty`);
  }
  const known = [...builtins, ...components], resolved = withoutLater(canonicalConfig(resolveConfig(known, config)));
  return await hashJson("trial", { config: resolved, seed, budget, dataHash, codeVersion });
}

/**
 * A resolved config with every list over depth as short as it can be: up to where it repeats, and one component instead
 * of a list of one. Two configs are of the same model if their canonical forms are equal.
 */
export function canonicalConfig(config: ResolvedConfig): ResolvedConfig {
  const shortest = (choice: PerLayer<ResolvedOptions>): PerLayer<ResolvedOptions> => {
    if (!Array.isArray(choice)) return choice;
    const layers = Array.from({ length: config.depth }, (_, i) => canonicalJson("layer", forLayer(choice, i)));
    let period = 1;
    while (layers.some((layer, i) => layer !== layers[i % period])) period++;
    return period === 1 ? choice[0] : Array.from({ length: period }, (_, i) => forLayer(choice, i));
  };
  const { position, norm, attention, queryKey, scores, feedForward, block } = config;
  return {
    ...config,
    position: shortest(position),
    norm: shortest(norm),
    attention: shortest(attention),
    queryKey: shortest(queryKey),
    scores: shortest(scores),
    feedForward: shortest(feedForward),
    block: shortest(block),
  };
}

/** Slots and options that came after the first keys were stored, with what they were before they could be chosen. */
const later: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
  "stem": { type: "plain", scale: 1, norm: false, width: null },
  "queryKey": { type: "plain" },
  "scores": { type: "softmax" },
  "head": { type: "linear", bias: false, scale: 1, softcap: null },
  "norm rmsNorm": { weight: true, offset: 0 },
  "norm layerNorm": { weight: true, offset: 0 },
  "position alibi": { max: 8, factor: 1 },
  "block preNorm": { residual: 1, fromNorm: false },
  "block parallel": { residual: 1 },
};

/** `config` without what is in {@linkcode later}, where it is as it was: a trial keeps its key when options are added. */
function withoutLater(config: ResolvedConfig): Record<string, unknown> {
  const option = (slot: string, part: ResolvedOptions) => {
    const news = later[`${slot} ${part.type}`] ?? {};
    return Object.fromEntries(Object.entries(part).filter(([key, value]) => news[key] !== value));
  };
  const slots = Object.entries(config).filter(([slot, value]) =>
    !Object.hasOwn(later, slot) || canonicalJson("slot", value) !== canonicalJson("slot", later[slot])
  );
  return Object.fromEntries(slots.map(([slot, value]) => {
    if (typeof value !== "object") return [slot, value];
    return [slot, Array.isArray(value) ? value.map((part) => option(slot, part)) : option(slot, value)];
  }));
}

/**
 * JSON without spaces, the keys of every object sorted by UTF-16 code units, numbers as `JSON.stringify` writes them:
 * RFC 8785, https://www.rfc-editor.org/rfc/rfc8785. Throws a `TypeError` that says where `value` holds what JSON does
 * not. `path` is for that message.
 */
export function canonicalJson(path: string, value: unknown): string {
  expectJson(path, value, "hash");
  return sorted(value as Json);
}

/** SHA-256, in hexadecimal, of {@linkcode canonicalJson}. */
export async function hashJson(path: string, value: unknown): Promise<string> {
  return await sha256(new TextEncoder().encode(canonicalJson(path, value)));
}

function sorted(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${sorted(item)}`).join(",")}}`;
}
