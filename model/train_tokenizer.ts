import { type Builtin, builtins } from "../components/builtins.ts";
import type { Component, ConfigOf } from "../components/component.ts";
import type { TokenizerContext, TokenizerJson, TokenizerTrainer } from "../components/tokenizers/tokenizer.ts";
import { resolveComponent } from "./config.ts";

/** Options of {@linkcode trainTokenizer}. */
export interface TrainTokenizerOptions<C extends Component = never> extends TokenizerContext {
  /** Components beside those that are built in. */
  readonly components?: readonly C[];
}

/**
 * Trains a tokenizer: `"characters"`, `"bytes"`, `"byteLevelBpe"` or one of your own. `texts` are read once; see
 * {@linkcode corpus} for those of files. Throws a `TypeError` for a wrong choice, a `RangeError` where there is no
 * text.
 *
 * @example
 * ```ts
 * import { tokenizerOf, trainTokenizer } from "@tenon/tenon";
 * import { assertEquals } from "@std/assert";
 *
 * const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 260 }, ["low lower lowest low low"]);
 * assertEquals(json.model.merges, ["l o", "lo w", "Ġ low"]);
 * assertEquals(tokenizerOf(json).decode(tokenizerOf(json).encode("below")), "below");
 * ```
 */
export function trainTokenizer<const C extends Component = never>(
  choice: ConfigOf<Builtin | C, "tokenizer">,
  texts: AsyncIterable<string> | Iterable<string>,
  { components = [], ...context }: TrainTokenizerOptions<C> = {},
): Promise<TokenizerJson> {
  const known: readonly Component[] = [...builtins, ...components];
  const { component, config } = resolveComponent(known, "tokenizer", choice, "tokenizer");
  const trainer = (component as Component<"tokenizer">).build(config, context) as TokenizerTrainer;
  return trainer.train(typeof texts === "object" && Symbol.asyncIterator in texts ? texts : stream(texts));
}

async function* stream(texts: string | Iterable<string>): AsyncGenerator<string> {
  if (typeof texts === "string") yield texts; // or it would be read character by character
  else yield* texts;
}
