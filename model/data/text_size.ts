import { listTextFiles } from "./files.ts";

/** From this size of the text on, words are worth learning: a token then stands for three characters and more. */
const WORDS = 4e6;
/** More than this is not held back unless asked for: every evaluation reads all of it. */
const VALIDATION = 500_000;

/** Bytes of all text files that `paths` name. */
export function sizeOfText(paths: readonly string[]): number {
  return listTextFiles(paths).reduce((sum, file) => sum + Deno.statSync(file).size, 0);
}

/** The share of so many bytes that is held back where none is asked for. */
export function defaultValidation(bytes: number): number {
  return Math.min(0.1, VALIDATION / bytes);
}

/** The tokenizer of so many bytes where none is asked for. */
export function defaultTokenizer(bytes: number): "characters" | "byteLevelBpe" {
  return bytes < WORDS ? "characters" : "byteLevelBpe";
}
