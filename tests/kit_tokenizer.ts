import type { Component } from "../components/component.ts";
import { END_OF_TEXT, type TokenizerJson, type TokenizerTrainer } from "../components/tokenizers/tokenizer.ts";
import { resolveComponent } from "../model/config.ts";

const texts = ["Once upon a time, there was a cat.", " The cat sat.\n", END_OF_TEXT, "Über 3 Äpfel: 🍎🍎🍎"];

/** The checks of a tokenizer: training is deterministic, its JSON is JSON and has the ids from 0 on without gaps. */
export async function testTokenizer(
  component: Component<"tokenizer">,
  config: Readonly<Record<string, unknown>>,
  name: string,
): Promise<void> {
  const choice = { type: component.type, ...config };
  const { config: { type: _, ...options } } = resolveComponent([component], "tokenizer", choice, "tokenizer");
  const train = () => (component.build(options, {}) as TokenizerTrainer).train(stream());
  const json = await train(), text = JSON.stringify(json);
  if (text !== JSON.stringify(await train())) throw new Error(`${name} must depend on nothing but texts and options`);
  const read = JSON.parse(text) as TokenizerJson;
  if (JSON.stringify(read) !== text) throw new Error(`${name} must make JSON`);
  const added = (read.added_tokens ?? []).map(({ content, id }) => [content, id] as const);
  const ids = new Map([...Object.entries(read.model?.vocab ?? {}), ...added]);
  const sorted = [...ids.values()].sort((a, b) => a - b);
  if (!sorted.length) throw new Error(`${name} must make a vocabulary`);
  const gap = sorted.findIndex((id, i) => id !== i);
  if (gap >= 0) throw new Error(`${name} must give every id from 0 on once: found ${sorted[gap]} in place of ${gap}`);
}

async function* stream(): AsyncGenerator<string> {
  yield* texts;
}
