import { builtins } from "../../components/builtins.ts";
import { type ModelConfig, resolveConfig, type ResolvedConfig } from "../../model/config.ts";
import { describeModel } from "../../model/decoder.ts";
import type { CheckpointToStore, SavedCheckpoint, StoredExtras, TensorToStore } from "../../model/format.ts";
import { safetensorsPieces } from "../../model/safetensors_writer.ts";
import { jsonPieces, type Sink } from "../../model/sink.ts";
import { CheckpointError } from "../../model/source.ts";
import { canonical, differences } from "./canonical.ts";
import { families } from "./families.ts";
import type { Family } from "./family.ts";
import { readFields } from "./fields.ts";
import { OWN, writeSection } from "./section.ts";

/** Files that readers of a folder look at, beside those that every save writes. */
const OPTIONAL = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "generation_config.json",
  "model.safetensors.index.json",
];

/** Writes the files of a folder. `config.json`, without which nothing reads the others, comes last. */
export async function saveFolder(sink: Sink, checkpoint: CheckpointToStore): Promise<Omit<SavedCheckpoint, "format">> {
  const { config, tensors } = checkpoint, { type, fields, stored, notes } = chooseFamily(config, tensors);
  const ids = {
    bos_token_id: checkpoint.beginId ?? null, // absent, readers take a default of the family's
    eos_token_id: checkpoint.stopIds?.length === 1 ? checkpoint.stopIds[0] : checkpoint.stopIds ?? null,
  };
  const files: [name: string, value: unknown][] = [];
  if (checkpoint.tokenizer) {
    files.push(["tokenizer.json", checkpoint.tokenizer]);
    files.push(["tokenizer_config.json", checkpoint.tokenizerConfig ?? tokenizerConfig(checkpoint, config)]);
  }
  if (checkpoint.beginId !== undefined || checkpoint.stopIds) files.push(["generation_config.json", ids]);
  expectNoOthers(sink, files.map(([name]) => name));
  for (const [name, value] of files) await sink.write(name, jsonPieces(value));
  await sink.write("model.safetensors", safetensorsPieces(stored));
  const json = { ...fields, ...ids, torch_dtype: "float32", tenon: writeSection(config) };
  await sink.write("config.json", jsonPieces(json));
  return { type, notes };
}

interface Chosen {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly stored: ReadonlyMap<string, TensorToStore>;
  readonly notes: readonly string[];
}

/**
 * The family that a model belongs to: one whose reader gives the same model back from the fields that would be written.
 * Otherwise Tenon's own.
 */
function chooseFamily(config: ResolvedConfig, tensors: ReadonlyMap<string, TensorToStore>): Chosen {
  let nearest: { type: string; wrong: readonly string[] } | undefined;
  for (const [type, family] of Object.entries(families)) {
    if (!family.fields || !family.store) continue;
    const fields = family.fields(canonical(config)), wrong = misfit(family, fields, config);
    if (!wrong.length && isComplete(config, tensors)) return { type, fields, stored: family.store(tensors), notes: [] };
    if (!nearest || wrong.length < nearest.wrong.length) nearest = { type, wrong };
  }
  const { type, wrong } = nearest!;
  const why = wrong.length ? `the nearest, ${type}, differs in ${wrong.join(", ")}` : "a plugin has changed parameters";
  const notes = [`stored under Tenon's own names, which other programs do not know (${why})`];
  return { type: OWN, fields: { model_type: OWN }, stored: tensors, notes };
}

/** Names of what a family's reader would take for something else. */
function misfit(family: Family, fields: Readonly<Record<string, unknown>>, config: ResolvedConfig): string[] {
  const mine = canonical(config), limits = family.limits?.(mine) ?? [];
  try {
    const read = family.config(readFields(JSON.parse(JSON.stringify(fields)), "config.json"));
    return [...limits, ...differences(mine, canonical(resolveConfig(builtins, read))).map(({ path }) => path)];
  } catch (error) {
    if (error instanceof CheckpointError || error instanceof TypeError) return [error.message];
    throw error;
  }
}

/** Whether there are the parameters of `config`, and no others: plugins may change them. */
function isComplete(config: ResolvedConfig, tensors: ReadonlyMap<string, TensorToStore>): boolean {
  const { params } = describeModel(config as unknown as ModelConfig);
  return params.length === tensors.size &&
    params.every(({ path, shape }) => String(tensors.get(path)?.shape) === String(shape));
}

/** What transformers needs beside tokenizer.json: a class that takes it as it is, and the ids by name. */
function tokenizerConfig({ tokenizer, beginId, stopIds }: StoredExtras, { context }: ResolvedConfig): object {
  const added = tokenizer?.added_tokens as readonly { id: number; content: string }[] | undefined;
  const content = (id: number | undefined) => added?.find((token) => token.id === id)?.content;
  const begin = content(beginId), end = content(stopIds?.[0]);
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: context,
    clean_up_tokenization_spaces: false,
    ...(begin !== undefined && { bos_token: begin }),
    ...(end !== undefined && { eos_token: end }),
  };
}

/** Files of another checkpoint that would stay would be read with this one. */
function expectNoOthers(sink: Sink, written: readonly string[]): void {
  const other = OPTIONAL.find((file) => sink.files.includes(file) && !written.includes(file));
  if (other !== undefined) {
    throw new CheckpointError(
      `Cannot save ${sink.path}: it holds ${other} of another checkpoint, which this one does not replace, ` +
        "expected another folder or none",
    );
  }
}
