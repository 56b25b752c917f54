import { bpeJson } from "../../components/tokenizers/tokenizer.ts";
import { CheckpointError, type Source } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { tokenizerOf } from "../../model/tokenizer_of.ts";
import { readPickleFile } from "./container.ts";
import { describe } from "./values.ts";

/**
 * The `meta.pkl` that nanoGPT keeps beside data in characters: `itos` says which character each id is.
 * https://github.com/karpathy/nanoGPT/blob/master/data/shakespeare_char/prepare.py
 */
export async function readCharacters(source: Source, file: string, vocab: number): Promise<Tokenizer | undefined> {
  if (!source.files.includes(file)) return undefined;
  const value = await readPickleFile(source, file), itos = value instanceof Map ? value.get("itos") : undefined;
  if (!(itos instanceof Map)) {
    throw new CheckpointError(`Cannot read ${file}: its itos is ${describe(itos)}, expected a dictionary`);
  }
  if (itos.size > vocab) {
    throw new CheckpointError(`Cannot read ${file}: it has ${itos.size} characters, expected ${vocab} at most`);
  }
  const characters = Array.from({ length: itos.size }, (_, id) => {
    const character = itos.get(id);
    if (typeof character === "string" && [...character].length === 1) return character;
    throw new CheckpointError(`Cannot read ${file}: id ${id} is ${describe(character)}, expected a character`);
  });
  return tokenizerOf(bpeJson(characters, [], { pre_tokenizer: null, decoder: { type: "Fuse" } }), file);
}
