import type { ReadBytes, StoredAs } from "../runtime/runtime.ts";
import type { ModelConfig } from "./config.ts";
import type { Source } from "./source.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A tensor in a file. */
export interface StoredTensor extends StoredAs {
  /** For messages: file and name. */
  readonly where: string;
  /** Sizes as stored. */
  readonly shape: readonly number[];
  /** Reads its bytes. */
  readonly read: ReadBytes;
}

/** An opened checkpoint: what model it is and where its weights are. Nothing large has been read yet. */
export interface Checkpoint {
  /** Name of the format. */
  readonly format: string;
  /** What to build. */
  readonly config: ModelConfig;
  /** Stored tensors by parameter name. All of them belong to the model. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What the file said and the model does not use, for the user to know. */
  readonly notes: readonly string[];
  /** Its tokenizer, or `undefined` if it has none. `file` names another than the one that belongs to it. */
  tokenizer(file?: string): Promise<Tokenizer | undefined>;
}

/** A way to store checkpoints. */
export interface CheckpointFormat {
  /** For messages: `llama2.c`. */
  readonly name: string;
  /** Whether `source` looks like one. Must not throw. */
  detect(source: Source): boolean | Promise<boolean>;
  /** Reads its config and where its tensors are. Throws a {@linkcode CheckpointError}. */
  open(source: Source): Promise<Checkpoint>;
}
