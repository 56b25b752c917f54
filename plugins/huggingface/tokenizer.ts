import type { TokenizerJson } from "../../components/tokenizers/tokenizer.ts";
import { CheckpointError, readJson, type Source } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { tokenizerOf } from "../../model/tokenizer_of.ts";

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
  const { Tokenizer } = await import("@huggingface/tokenizers");
  let library: InstanceType<typeof Tokenizer>;
  try {
    library = new Tokenizer(json, settings);
  } catch (error) {
    throw new CheckpointError(`Cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  return {
    vocab: library.get_vocab().size,
    stopIds,
    json: json as unknown as TokenizerJson,
    encode: (text) => library.encode(text).ids,
    encodeAlone: (text) => library.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) =>
      ids.length ? library.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false }) : "",
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
