import type { TokenizerJson } from "../../components/tokenizers/tokenizer.ts";
import { show } from "../../model/json.ts";
import { CheckpointError, readJson, type Source } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { tokenizerOf } from "../../model/tokenizer_of.ts";
import { expectTokenizer } from "./tokenizer_check.ts";

/**
 * The tokenizer of a folder: by {@linkcode tokenizerOf} if it does all that the file says, else by Hugging Face's own
 * library. Stop ids are those that `generation_config.json` or `config.json` name.
 */
export async function readTokenizer(
  source: Source,
  config: Readonly<Record<string, unknown>>,
  file = "tokenizer.json",
): Promise<Tokenizer | undefined> {
  if (!source.files.includes(file)) return undefined;
  const json = await readJson(source, file);
  const optional = async (name: string) => source.files.includes(name) ? await readJson(source, name) : {};
  const settings = await optional("tokenizer_config.json"), generation = await optional("generation_config.json");
  const ends = [generation.eos_token_id ?? config.eos_token_id ?? []].flat();
  const stopIds = ends.filter((id): id is number => Number.isInteger(id));
  const own = readOwn(json, settings, file);
  if (own) return { ...own, stopIds };
  expectTokenizer(json, file);
  const { Tokenizer } = await import("@huggingface/tokenizers");
  /** What the library says of a file that `expectTokenizer` has let through. */
  function guarded<T>(action: string, f: () => T): T {
    try {
      return f();
    } catch (error) {
      throw new CheckpointError(`Cannot ${action} ${file}: ${(error as Error).message}`, { cause: error });
    }
  }
  const library = guarded("read", () => new Tokenizer(json, settings)), tokens = library.get_vocab();
  const known = new Set(tokens.values());
  const encode = (text: string, options?: { add_special_tokens: boolean }) => {
    const ids = guarded("encode with", () => library.encode(text, options).ids);
    if (ids.every((id) => known.has(id))) return ids;
    throw new RangeError(`Cannot encode ${show(text)}: ${file} has no token for some of it, and none for the unknown`);
  };
  return {
    vocab: tokens.size,
    stopIds,
    json: json as unknown as TokenizerJson,
    encode: (text) => encode(text),
    encodeAlone: (text) => encode(text, { add_special_tokens: false }),
    decode(ids) {
      // The library has no text for ids without a token, nor for no ids at all.
      const all = [...ids].filter((id) => known.has(id)),
        options = { skip_special_tokens: true, clean_up_tokenization_spaces: false };
      return all.length ? guarded("decode with", () => library.decode(all, options)) : "";
    },
  };
}

/** The file by Tenon's reader, or `undefined` where it or its settings ask for more. */
function readOwn(
  json: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>>,
  file: string,
): Tokenizer | undefined {
  if (settings.remove_space || settings.do_lowercase_and_remove_accent) return undefined;
  try {
    return tokenizerOf(json, file);
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}
