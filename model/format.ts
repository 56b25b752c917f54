import type { Json } from "../components/options.ts";
import type { ReadBytes, StoredAs } from "../runtime/runtime.ts";
import type { ModelConfig, ResolvedConfig } from "./config.ts";
import type { Sink } from "./sink.ts";
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

/** How a conversation becomes text, as a checkpoint says it. Only `plugins/chat` knows what to do with it. */
export interface ChatTemplates {
  /** For messages: the file that they are from. */
  readonly file: string;
  /** Jinja templates by name; `default` is the one for conversations. */
  readonly templates: Readonly<Record<string, string>>;
  /** Texts of special tokens, under the names that templates know them by: `bos_token`, `eos_token`. */
  readonly tokens: Readonly<Record<string, string>>;
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
  /** Its chat templates, or `undefined` if it has none. Absent where the format has no place for them. */
  chat?(): Promise<ChatTemplates | undefined>;
}

/** A tensor on its way to a file. */
export interface TensorToStore {
  /** Its sizes. */
  readonly shape: readonly number[];
  /** What its values are; of another type than f32, the default, pieces are the bytes of values, four at a time. */
  readonly dtype?: "f32" | "f16" | "i8";
  /** Its values, row-major, in pieces of any length; may be asked for more than once. */
  readonly pieces: () => AsyncIterable<Float32Array<ArrayBuffer>>;
}

/** What is stored beside the weights. */
export interface StoredExtras {
  /** What `tokenizer.json` is to hold. */
  readonly tokenizer?: { readonly [key: string]: Json };
  /** What `tokenizer_config.json` is to hold. Default, where there is a tokenizer: what follows from the other fields. */
  readonly tokenizerConfig?: { readonly [key: string]: Json };
  /** The id that begins a text. Default: none. */
  readonly beginId?: number;
  /** Ids that end a text. Default: none. */
  readonly stopIds?: readonly number[];
}

/** A model on its way to a checkpoint. */
export interface CheckpointToStore extends StoredExtras {
  /** The model's config. */
  readonly config: ResolvedConfig;
  /** Its parameters by name, in the order in which they were declared. */
  readonly tensors: ReadonlyMap<string, TensorToStore>;
}

/** What became of a model that was saved. */
export interface SavedCheckpoint {
  /** Name of the format. */
  readonly format: string;
  /** Under which of the format's kinds of model it is stored: `llama`. */
  readonly type: string;
  /** What is worth knowing about that. */
  readonly notes: readonly string[];
}

/** A way to store checkpoints. */
export interface CheckpointFormat {
  /** For messages: `llama2.c`. */
  readonly name: string;
  /** Whether `source` looks like one. Must not throw. */
  detect(source: Source): boolean | Promise<boolean>;
  /** Reads its config and where its tensors are. Throws a {@linkcode CheckpointError}. */
  open(source: Source): Promise<Checkpoint>;
  /** Writes a model to `sink`, without committing it. Absent where checkpoints are only read. */
  save?(sink: Sink, checkpoint: CheckpointToStore): Promise<SavedCheckpoint>;
}
