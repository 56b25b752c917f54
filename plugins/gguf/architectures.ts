import { builtins } from "../../components/builtins.ts";
import { ropeFrequencies, type RopeScaling } from "../../components/positions/rope_scaling.ts";
import { type ModelConfig, resolveConfig, type ResolvedConfig } from "../../model/config.ts";
import type { StoredTensor } from "../../model/format.ts";
import { CheckpointError } from "../../model/source.ts";
import { canonical, differences } from "../huggingface/canonical.ts";
import { neighbours } from "./arrange.ts";
import { layerOf } from "./entries.ts";
import { families } from "./families.ts";
import type { Facts } from "./family.ts";
import { metadataFields } from "./fields.ts";
import { LONG_FACTORS, ROPE_FACTORS, SHORT_FACTORS } from "./rope.ts";
import { scalingOfFactors } from "./rope_factors.ts";
import { shortest, type Value } from "./values.ts";
import type { MetaValue } from "./writer.ts";

/** A model as an architecture of GGUF files. */
export interface Chosen {
  /** `general.architecture`. */
  readonly architecture: string;
  /** What its metadata says, in order. */
  readonly metadata: readonly (readonly [key: string, value: MetaValue])[];
  /** What rotary frequencies are divided by, by the names of such tensors. */
  readonly factors: ReadonlyMap<string, readonly number[]>;
  /** Its tensors by name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** The parameters in each of them. */
  held(name: string): readonly string[];
  /** What is worth knowing about it. */
  readonly notes: readonly string[];
}

/**
 * The architecture whose reader gives `config` back, with these parameters. Throws a {@linkcode CheckpointError} for
 * `file` where none does.
 */
export function chooseArchitecture(
  file: string,
  config: ModelConfig,
  parameters: ReadonlyMap<string, StoredTensor>,
): Chosen {
  const own = canonical(resolveConfig(builtins, config)), halved = asHalves(own);
  const whole = own as unknown as ModelConfig; // sizes are filled in
  let nearest: { readonly architecture: string; readonly wrong: readonly string[] } | undefined;
  for (const architecture of orderFor(own)) {
    const family = families[architecture], mine = family.neighbours ? halved ?? own : own;
    const entries = Object.entries(family.metadata(mine)).filter((entry): entry is [string, MetaValue] => !!entry[1]);
    const metadata = entries.map(([key, value]) => [`${architecture}.${key}`, value] as const);
    const moved = family.neighbours && !halved
      ? new Map([...parameters].map(([path, tensor]) => [path, neighbours(path, tensor, whole)]))
      : parameters;
    const { tensors, strange } = family.store(moved, whole), factors = factorsOf(mine);
    const wrong = misfit(mine, architecture, metadata, tensors, factors);
    if (!wrong.length) wrong.push(...strange.slice(0, 1), ...family.limits(mine));
    if (!wrong.length) {
      return {
        architecture,
        metadata: [["general.architecture", ["text", architecture]], ...metadata],
        factors,
        tensors,
        held: (name) => family.weights(name, tensors.get(name)!, whole)!.map(([path]) => path),
        notes: family.notes(mine),
      };
    }
    if (!nearest || distance(wrong) < distance(nearest.wrong)) nearest = { architecture, wrong };
  }
  const { architecture, wrong } = nearest!;
  throw new CheckpointError(
    `Cannot save ${file}: the model is none of ${Object.keys(families).join(", ")} (${architecture}, the nearest, ` +
      `differs in ${wrong.join(", ")}), expected one of them, or a GGUF file to begin with`,
  );
}

/** How far a model is from an architecture: further than by any fields where its reader cannot even take the metadata. */
function distance(wrong: readonly string[]): number {
  return wrong.reduce((sum, what) => sum + (what.startsWith("Cannot ") ? 1000 : 1), 0);
}

/** Llama's reader takes biases, too, but it is Qwen 2 that has them. */
function orderFor(config: ResolvedConfig): readonly string[] {
  const all = Object.keys(families);
  return layerOf(config).attention.bias === "qkv" ? ["qwen2", ...all.filter((name) => name !== "qwen2")] : all;
}

/** A config whose channels that turn together are neighbours, as one whose channels do not; `undefined` for others. */
function asHalves(config: ResolvedConfig): ResolvedConfig | undefined {
  if (layerOf(config).position.layout !== "interleaved") return undefined;
  const position = [config.position].flat().map((part) =>
    part.layout === undefined ? part : { ...part, layout: "half" }
  );
  return canonical({ ...config, position });
}

/** The lists of a scaling that has them: that of Llama 3 as its factors, longrope as two. */
function factorsOf(config: ResolvedConfig): Map<string, readonly number[]> {
  const { position, attention } = layerOf(config), scaling = position.scaling as RopeScaling | null | undefined;
  if (scaling?.type === "longrope") {
    return new Map([[LONG_FACTORS, scaling.longFactors], [SHORT_FACTORS, scaling.shortFactors]]);
  }
  if (scaling?.type !== "llama3") return new Map();
  const base = Number(position.base), dims = Number(position.dims ?? attention.headDim);
  const scaled = ropeFrequencies(base, dims, scaling);
  const factors = ropeFrequencies(base, dims, null).map((frequency, i) => Math.fround(frequency / scaled[i]));
  return new Map([[ROPE_FACTORS, factors]]);
}

/** Names of what the architecture's reader would take for something else. */
function misfit(
  mine: ResolvedConfig,
  architecture: string,
  metadata: Chosen["metadata"],
  tensors: Chosen["tensors"],
  factors: Chosen["factors"],
): string[] {
  const values = new Map(
    metadata.map(([key, [type, value]]): [string, Value] => [
      key,
      type === "f32" ? shortest(Math.fround(value)) : value as Value,
    ]),
  );
  const fields = metadataFields({ file: "", metadata: values, entries: new Map(), tensors: new Map() }, architecture);
  const list = (name: string) => factors.get(name)?.map((factor) => shortest(Math.fround(factor)));
  const [one, short, long] = [list(ROPE_FACTORS), list(SHORT_FACTORS), list(LONG_FACTORS)];
  const facts: Facts = {
    vocab: mine.vocab,
    names: new Set([...tensors.keys(), ...factors.keys()]),
    longRope: short && long ? { shortFactors: short, longFactors: long } : null,
    ropeScaling: (base, dims) => one ? scalingOfFactors(base, dims, one) ?? null : null,
  };
  try {
    const read = families[architecture].config(fields, facts);
    const differing = differences(...unlike(mine, canonical(resolveConfig(builtins, read))));
    const wrong = differing.filter(({ values: [a, b] }) => !nearly(a, b)).map(({ path }) => path);
    return wrong.length ? wrong : fields.unread().slice(0, 1);
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof TypeError) return [error.message];
    throw error;
  }
}

/** Whether two numbers differ by no more than f32 does to them. Those of a scaling are told apart one by one. */
function nearly(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number") return Math.abs(a - b) <= 1e-6 * Math.abs(a);
  const [mine, theirs] = [a, b] as Readonly<Record<string, unknown>>[];
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return a === b;
  const keys = [...new Set([...Object.keys(mine), ...Object.keys(theirs)])];
  return keys.every((key) => nearly(mine[key], theirs[key]));
}

type Writable = { -readonly [K in keyof ResolvedConfig]: ResolvedConfig[K] };

/** Two configs with the first layer's parts that differ where there are several, so that options are told apart. */
function unlike(a: ResolvedConfig, b: ResolvedConfig): [ResolvedConfig, ResolvedConfig] {
  const one: Writable = { ...a }, other: Writable = { ...b };
  for (const slot of ["position", "norm", "attention", "queryKey", "scores", "feedForward", "block"] as const) {
    const [mine, theirs] = [[a[slot]].flat(), [b[slot]].flat()], layers = Array.from({ length: a.depth }, (_, i) => i);
    const at = (list: typeof mine, i: number) => list[i % list.length];
    const i = layers.find((i) => !nearly(at(mine, i), at(theirs, i))) ?? 0;
    one[slot] = at(mine, i);
    other[slot] = at(theirs, i);
  }
  return [one, other];
}
