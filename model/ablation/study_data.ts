import type { Component } from "../../components/component.ts";
import type { Json } from "../../components/options.ts";
import { resolveComponent } from "../config.ts";
import { builtins } from "../../components/builtins.ts";
import { corpus } from "../data/documents.ts";
import { openData } from "../data/data_info.ts";
import { listTextFiles } from "../data/files.ts";
import { fingerprint } from "../data/fingerprint.ts";
import { prepareData } from "../data/prepare.ts";
import { defaultTokenizer, defaultValidation, sizeOfText } from "../data/text_size.ts";
import { writeTextAtomic } from "../data/token_file.ts";
import { tokenizerOf } from "../tokenizer_of.ts";
import { trainTokenizer } from "../train_tokenizer.ts";
import { makeTask } from "./data_forms.ts";
import type { DataSource } from "./learning.ts";
import type { DataSummary } from "./outcome.ts";
import type { Study, TaskData, TextData } from "./study.ts";
import { hashJson } from "./trial_key.ts";

/** What the trials of an ablation learn from. */
export interface StudyData {
  /** For trials. */
  readonly source: DataSource;
  /** For reports. */
  readonly summary: DataSummary;
  /** Tokens of a sequence, where the data decides that. */
  readonly rowTokens?: number;
}

/** Options of {@linkcode prepareStudyData}. */
export interface StudyDataOptions {
  /** Where prepared text is kept: each in a folder of its own, named by what it was made from. */
  readonly folder: string;
  /** Components beside those built in. */
  readonly components: readonly Component[];
  /** Longest windows that must fit. */
  readonly context: number;
  /** Is told what takes time. */
  progress?(what: string): void;
}

/** Prepares what a study learns from, or finds it prepared. */
export async function prepareStudyData({ data }: Pick<Study, "data">, options: StudyDataOptions): Promise<StudyData> {
  return "task" in data ? await prepareTask(data) : await prepareText(data, options);
}

async function prepareTask(data: TaskData): Promise<StudyData> {
  const task = makeTask(data), { questions } = data;
  const hash = await hashJson("data", { task: task.name, options: task.options, questions });
  return {
    source: { task: data.task, options: data.options, questions, hash },
    summary: { describe: `${task.name}: ${task.description}`, hash, vocab: task.vocab, validationTokens: questions },
    rowTokens: task.context,
  };
}

async function prepareText(
  { files: paths, tokenizer, validation }: TextData,
  { folder, components, context, progress }: StudyDataOptions,
): Promise<StudyData> {
  const files = listTextFiles(paths), bytes = sizeOfText(paths), known = [...builtins, ...components];
  const choice = resolveComponent(known, "tokenizer", tokenizer ?? defaultTokenizer(bytes), "tokenizer").config;
  const share = validation ?? defaultValidation(bytes), text = await fingerprint(files);
  const id = await hashJson("data", { text, tokenizer: choice as unknown as Json, validation: share });
  const directory = `${folder}/${id.slice(0, 16)}`, whole = `${directory}/data.json`; // which is written last
  // What a tokenizer from elsewhere does may have changed since.
  const isOwn = components.some(({ slot, type }) => slot === "tokenizer" && type === choice.type);
  if (isOwn || !exists(whole)) {
    Deno.mkdirSync(directory, { recursive: true });
    progress?.(`training the tokenizer: ${choice.type}`);
    const json = await trainTokenizer<Component>(choice as never, corpus(paths), { components });
    const file = `${directory}/tokenizer.json`, tokenizer = JSON.stringify(json);
    if (!exists(whole) || Deno.readTextFileSync(file) !== tokenizer) {
      if (exists(whole)) Deno.removeSync(whole);
      writeTextAtomic(file, tokenizer);
      await prepareData({
        paths,
        tokenizer: tokenizerOf(json),
        directory,
        validation: share,
        context,
        progress: (done, total) => progress?.(`encoding the text: ${Math.floor(100 * done / total)}%`),
      });
    }
  }
  using prepared = await openData(directory);
  const { info, train, validation: held } = prepared, shortest = Math.min(train.length, held.length);
  if (shortest <= context) { // prepared for shorter windows
    throw new RangeError(
      `Cannot learn from ${paths.join(", ")}: one side has ${shortest} tokens, expected at least ${context + 1} for ` +
        `windows of ${context}. ${info.describe}`,
    );
  }
  const hash = await fingerprint(["train", "validation"].map((side) => `${directory}/${side}.bin`));
  return {
    source: { directory, hash },
    summary: {
      describe: `${info.describe} Tokens: ${choice.type}`,
      hash,
      vocab: info.vocab,
      trainTokens: train.length,
      validationTokens: held.length - 1,
      bytesPerToken: info.validation.bytes / info.validation.tokens,
    },
  };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
