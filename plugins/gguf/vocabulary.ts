import { CheckpointError, type Source } from "../../model/source.ts";
import type { Header } from "./header.ts";
import { readNumbers, readTexts } from "./values.ts";

/** What a token is, as `tokenizer.ggml.token_type` numbers it. */
export const kinds = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Stands for no token in files that have a field for each. */
const NONE = 2 ** 32 - 1;

/**
 * Texts of tokens that end an answer, where metadata does not name them. A list that files have made necessary.
 * https://github.com/ggml-org/llama.cpp/issues/9606
 */
const ENDS = new Set(
  ("<|eot_id|> <|im_end|> <|end|> <|return|> <|endoftext|> <|end_of_text|> <|eom_id|> <end_of_turn> <EOT> [EOS] [EOT] " +
    "<end_of_utterance>").split(" "),
);

/** The tokens of a file, and what it says about texts. */
export interface Vocabulary {
  /** Text of each id; no two are the same. */
  readonly texts: readonly string[];
  /** What each is. */
  readonly kinds: readonly number[];
  /** Ids that are found in texts before anything else, by their texts. */
  readonly specials: ReadonlyMap<string, number>;
  /** Ids that end a text. */
  readonly stopIds: readonly number[];
  /** Ids before and after each text. */
  around(begins: boolean, beginId?: number, endId?: number): { readonly before: number[]; readonly after: number[] };
  /** The id that a field names. */
  id(field: string, fallback?: number): number | undefined;
  /** What a field says. */
  flag(field: string, fallback: boolean): boolean;
  /** The texts of a list. */
  list(field: string): Promise<string[]>;
  /** The numbers of a list with one for each token, or `undefined` if there is none. */
  numbers(field: string): Promise<number[] | undefined>;
  /** An error about a field. */
  wrong(field: string, state: string, expected: string): CheckpointError;
}

/** Reads the tokens of a file. */
export async function readVocabulary(source: Source, { file, metadata }: Header): Promise<Vocabulary> {
  const key = (field: string) => `tokenizer.ggml.${field}`, get = (field: string) => metadata.get(key(field));
  const wrong = (field: string, state: string, expected: string) =>
    new CheckpointError(`Cannot read ${file}: ${key(field)} is ${state}, expected ${expected}`);
  const stored = (field: string) => {
    const value = get(field);
    if (typeof value === "object") return value;
    throw wrong(field, value === undefined ? "missing" : JSON.stringify(value), "a list");
  };
  const list = (field: string) => readTexts(source, file, key(field), stored(field));
  const numbers = async (field: string) => {
    if (get(field) === undefined) return undefined;
    const { count } = stored(field);
    if (count !== texts.length) throw wrong(field, `${count} long`, `${texts.length}, the number of tokens`);
    return await readNumbers(source, file, key(field), stored(field));
  };
  const texts = await list("tokens"), ids = new Map<string, number>();
  texts.forEach((text, id) => {
    if (!text) text = texts[id] = `[EMPTY_${id}]`;
    if (ids.has(text)) throw wrong(`tokens[${id}]`, `${JSON.stringify(text)}, as is ${ids.get(text)}`, "each once");
    ids.set(text, id);
  });
  if (!texts.length) throw wrong("tokens", "empty", "at least one token");
  const types = await numbers("token_type") ?? texts.map(() => kinds.normal);
  const special: readonly number[] = [kinds.unknown, kinds.control, kinds.userDefined];
  const specials = new Map([...ids].filter(([, id]) => special.includes(types[id])));
  const vocabulary: Vocabulary = {
    texts,
    kinds: types,
    specials,
    get stopIds() {
      const named = ["eos_token_id", "eot_token_id", "eom_token_id"].map((field) => vocabulary.id(field));
      const known = [...specials].filter(([text]) => ENDS.has(text)).map(([, id]) => id);
      return [...new Set([...named, ...known])].filter((id) => id !== undefined);
    },
    around(begins, beginId, endId) {
      const one = (flag: string, fallback: boolean, field: string, id: number | undefined) => {
        if (!vocabulary.flag(flag, fallback)) return [];
        if (id === undefined) throw wrong(field, "missing", `an id: ${key(flag)} says that texts have it`);
        return [id];
      };
      return {
        before: one("add_bos_token", begins, "bos_token_id", vocabulary.id("bos_token_id", beginId)),
        after: one("add_eos_token", false, "eos_token_id", vocabulary.id("eos_token_id", endId)),
      };
    },
    id(field, fallback) {
      const value = get(field);
      if (value === undefined || value === NONE || value === -1) return fallback! < texts.length ? fallback : undefined;
      if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < texts.length) return value as number;
      throw wrong(field, JSON.stringify(value), `a token, 0 … ${texts.length - 1}`);
    },
    flag(field, fallback) {
      const value = get(field) ?? fallback;
      if (typeof value !== "boolean") throw wrong(field, JSON.stringify(value), "true or false");
      return value;
    },
    list,
    numbers,
    wrong,
  };
  return vocabulary;
}
