import type { ChatTemplates } from "../../model/format.ts";
import { CheckpointError, type Source } from "../../model/source.ts";
import type { Header } from "./header.ts";
import { pieceIds } from "./pieces.ts";
import { readVocabulary } from "./vocabulary.ts";

const TEMPLATE = "tokenizer.chat_template", NAMED = `${TEMPLATE}.`;

/** Fields with the ids of special tokens, by the names that templates know the tokens by. */
const fields = {
  bos_token: "bos_token_id",
  eos_token: "eos_token_id",
  unk_token: "unknown_token_id",
  pad_token: "padding_token_id",
} as const;

/**
 * The chat templates of a file: `tokenizer.chat_template`, and others as `tokenizer.chat_template.<name>`; `undefined` if
 * there are none. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#other-metadata
 */
export async function readChat(source: Source, header: Header): Promise<ChatTemplates | undefined> {
  const { file, metadata } = header, keys = [...metadata.keys()].filter((key) => `${key}.`.startsWith(NAMED));
  if (!keys.length) return undefined;
  const templates = keys.map((key) => {
    const template = metadata.get(key);
    if (typeof template === "string") return [key === TEMPLATE ? "default" : key.slice(NAMED.length), template];
    throw new CheckpointError(`Cannot read ${file}: ${key} is ${JSON.stringify(template)}, expected a text`);
  });
  return { file, templates: Object.fromEntries(templates), tokens: await specialTokens(source, header) };
}

/** Texts of special tokens. */
async function specialTokens(source: Source, header: Header): Promise<Record<string, string>> {
  if (!header.metadata.has("tokenizer.ggml.tokens")) return {};
  const { id, texts } = await readVocabulary(source, header);
  const defaults = header.metadata.get("tokenizer.ggml.model") === "llama" ? pieceIds : {};
  const found = Object.entries(fields).map(([name, field]) =>
    [name, id(field, (defaults as Readonly<Record<string, number>>)[field])] as const
  );
  return Object.fromEntries(found.flatMap(([name, id]) => id === undefined ? [] : [[name, texts[id]]]));
}
