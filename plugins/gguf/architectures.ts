import { builtins } from "../../components/builtins.ts";
import { ropeFrequencies, type RopeScaling } from "../../components/positions/rope_scaling.ts";
import { type ModelConfig, resolveConfig, type ResolvedConfig } from "../../model/config.ts";
import { CheckpointError } from "../../model/source.ts";
import { canonical, differences } from "../huggingface/canonical.ts";
import { naming } from "../huggingface/family.ts";
import { families } from "./families.ts";
import { commonNames } from "./family.ts";
import { metadataFields } from "./fields.ts";
import { ROPE_FACTORS } from "./rope.ts";
import { scalingOfFactors } from "./rope_factors.ts";
import { shortest, type Value } from "./values.ts";
import type { MetaValue } from "./writer.ts";

/** Architectures that models of other formats are written as. Their tensors have the names that most share. */
const written = ["llama", "qwen2", "qwen3"] as const;

const names = naming(commonNames);

/** A model as an architecture of GGUF files. */
export interface Chosen {
  /** `general.architecture`. */
  readonly architecture: typeof written[number];
  /** What its metadata says, in order. */
  readonly metadata: readonly (readonly [key: string, value: MetaValue])[];
  /** What rotary frequencies are divided by, where that is a tensor. */
  readonly ropeFactors: readonly number[] | undefined;
  /** Whether rows of queries and keys change places: Llama's channels that turn together are neighbours in a file. */
  readonly moved: boolean;
  /** The name under which a parameter is stored. */
  name(path: string): string;
}

/**
 * The architecture whose reader gives `config` back, with the parameters at `paths`. Throws a {@linkcode CheckpointError}
 * for `file` where none does.
 */
export function chooseArchitecture(file: string, config: ModelConfig, paths: Iterable<string>): Chosen {
  const { config: mine, interleaved } = asHalves(canonical(resolveConfig(builtins, config)));
  const { bias } = partsOf(mine).attention;
  const named = [...paths].map((path) => [path, names.name(path)] as const);
  const strange = named.find(([, name]) => name === undefined)?.[0];
  let nearest: { readonly architecture: string; readonly wrong: readonly string[] } | undefined;
  // Llama's reader takes biases, too, but it is Qwen 2 that has them.
  const order = interleaved ? ["llama"] as const : bias === "qkv" ? ["qwen2", "llama", "qwen3"] as const : written;
  for (const architecture of order) {
    const metadata = metadataOf(mine, architecture), ropeFactors = factorsOf(mine);
    const wrong = misfit(mine, architecture, metadata, named.map(([, name]) => name ?? ""), ropeFactors);
    if (!wrong.length && strange !== undefined) wrong.push(strange);
    const moved = architecture === "llama" && !interleaved;
    if (!wrong.length) return { architecture, metadata, ropeFactors, moved, name: (path) => names.name(path)! };
    if (!nearest || wrong.length < nearest.wrong.length) nearest = { architecture, wrong };
  }
  const { architecture, wrong } = nearest!;
  throw new CheckpointError(
    `Cannot save ${file}: the model is none of ${written.join(", ")} (${architecture}, the nearest, differs in ` +
      `${wrong.join(", ")}), expected one of them, or a GGUF file to begin with`,
  );
}

/** A config whose channels turn together as in the files of most, and whether those that do are neighbours instead. */
function asHalves(config: ResolvedConfig): { readonly config: ResolvedConfig; readonly interleaved: boolean } {
  if (partsOf(config).position.layout !== "interleaved") return { config, interleaved: false };
  const position = [config.position].flat().map((part) => ({ ...part, layout: "half" }));
  return { config: canonical({ ...config, position }), interleaved: true };
}

/** Options of components, whatever they are. */
type Options = Readonly<Record<string, unknown>>;

/** The first layer's options: what differs in others is found when the metadata are read. */
const partsOf = (config: ResolvedConfig) => ({
  position: [config.position].flat()[0] as unknown as Options & { readonly scaling?: RopeScaling | null },
  norm: [config.norm].flat()[0] as unknown as Options,
  attention: [config.attention].flat()[0] as unknown as Options,
  feedForward: [config.feedForward].flat()[0] as unknown as Options,
});

function metadataOf(config: ResolvedConfig, architecture: string): [key: string, value: MetaValue][] {
  const { vocab, context, dim, depth, heads } = config, { position, norm, attention, feedForward } = partsOf(config);
  const { headDim, kvHeads, window } = attention, { scaling } = position, own: [string, MetaValue][] = [];
  const whole = (key: string, value: unknown) => {
    if (typeof value === "number") own.push([`${architecture}.${key}`, ["u32", value]]);
  };
  const real = (key: string, value: unknown) => {
    if (typeof value === "number") own.push([`${architecture}.${key}`, ["f32", value]]);
  };
  whole("vocab_size", vocab);
  whole("context_length", context);
  whole("embedding_length", dim);
  whole("block_count", depth);
  whole("feed_forward_length", feedForward.hidden);
  whole("attention.head_count", heads);
  whole("attention.head_count_kv", kvHeads);
  if (architecture === "qwen3" || headDim !== dim / heads) {
    whole("attention.key_length", headDim);
    whole("attention.value_length", headDim);
  }
  if (architecture === "llama") whole("attention.sliding_window", window);
  real("attention.layer_norm_rms_epsilon", norm.eps);
  whole("rope.dimension_count", position.dims ?? headDim);
  real("rope.freq_base", position.base);
  if (scaling?.type === "linear" || scaling?.type === "yarn") {
    own.push([`${architecture}.rope.scaling.type`, ["text", scaling.type]]);
    real("rope.scaling.factor", scaling.factor);
  }
  if (scaling?.type === "yarn") {
    whole("rope.scaling.original_context_length", scaling.originalContext);
    real("rope.scaling.yarn_beta_fast", scaling.betaFast);
    real("rope.scaling.yarn_beta_slow", scaling.betaSlow);
    real("rope.scaling.yarn_attn_factor", scaling.attentionFactor);
  }
  return [["general.architecture", ["text", architecture]], ...own];
}

/** The factors of Llama 3's scaling. */
function factorsOf(config: ResolvedConfig): number[] | undefined {
  const { position, attention } = partsOf(config), { scaling } = position;
  if (scaling?.type !== "llama3") return undefined;
  const base = Number(position.base), dims = Number(position.dims ?? attention.headDim);
  const scaled = ropeFrequencies(base, dims, scaling);
  return ropeFrequencies(base, dims, null).map((frequency, i) => Math.fround(frequency / scaled[i]));
}

/** Names of what the architecture's reader would take for something else. */
function misfit(
  mine: ResolvedConfig,
  architecture: string,
  metadata: readonly (readonly [key: string, value: MetaValue])[],
  tensors: readonly string[],
  ropeFactors: readonly number[] | undefined,
): string[] {
  const values = new Map(
    metadata.map(([key, [type, value]]): [string, Value] => [
      key,
      type === "f32" ? shortest(Math.fround(value)) : value,
    ]),
  );
  const fields = metadataFields({ file: "", metadata: values, entries: new Map(), tensors: new Map() }, architecture);
  try {
    const read = families[architecture].config(fields, {
      vocab: mine.vocab,
      names: new Set([...tensors, ...ropeFactors ? [ROPE_FACTORS] : []]),
      longRope: null,
      ropeScaling: (base, dims) => ropeFactors ? scalingOfFactors(base, dims, ropeFactors) ?? null : null,
    });
    return differences(mine, canonical(resolveConfig(builtins, read))).map(({ path }) => path);
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof TypeError) return [error.message];
    throw error;
  }
}
