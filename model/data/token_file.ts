import { CheckpointError, unreadable } from "../source.ts";

/** A long row of tokens, of which parts can be read. */
export interface TokenFile extends Disposable {
  /** For messages. */
  readonly path: string;
  /** Number of tokens. */
  readonly length: number;
  /** Fills `into` with the tokens from `offset` on. Throws a `RangeError` if there are not as many. */
  read(offset: number, into: Int32Array): void;
  /** Closes the file. Safe to call twice. */
  close(): void;
}

/** How tokens are stored: little-endian, without a header, as nanoGPT and llm.c have them. */
export type TokenDType = "u16" | "u32";

/** The smallest type for the ids of `vocab` tokens. */
export function tokenDType(vocab: number): TokenDType {
  return vocab <= 2 ** 16 ? "u16" : "u32";
}

/** Opens a file of tokens. Throws a {@linkcode CheckpointError} if its length is not a whole number of tokens. */
export function openTokenFile(path: string, dtype: TokenDType): TokenFile {
  const width = dtype === "u16" ? 2 : 4, make = dtype === "u16" ? Uint16Array : Uint32Array;
  let handle: Deno.FsFile | undefined, bytes: number;
  try {
    handle = Deno.openSync(path);
    bytes = handle.statSync().size;
  } catch (error) {
    handle?.close();
    throw unreadable(path, path, error);
  }
  const file = handle,
    close = () => {
      handle?.close();
      handle = undefined;
    };
  if (bytes % width) {
    close();
    throw new CheckpointError(`Cannot read ${path}: it has ${bytes} bytes, expected a multiple of ${width}`);
  }
  const length = bytes / width;
  return {
    path,
    length,
    read(offset, into) {
      expectRange(path, length, offset, into.length);
      // Every machine that runs Deno is little-endian.
      const stored = new make(into.length), raw = new Uint8Array(stored.buffer);
      file.seekSync(offset * width, Deno.SeekMode.Start);
      for (let done = 0; done < raw.length;) {
        const count = file.readSync(raw.subarray(done));
        if (!count) throw new CheckpointError(`Cannot read ${path}: it ends at byte ${offset * width + done}`);
        done += count;
      }
      into.set(stored);
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Tokens in memory. */
export function memoryTokens(ids: ArrayLike<number>, path = "memory"): TokenFile {
  const tokens = Int32Array.from(ids);
  return {
    path,
    length: tokens.length,
    read(offset, into) {
      expectRange(path, tokens.length, offset, into.length);
      into.set(tokens.subarray(offset, offset + into.length));
    },
    close() {},
    [Symbol.dispose]() {},
  };
}

/** Writes a file of tokens under another name, which {@linkcode TokenWriter.publish} changes to its own. */
export class TokenWriter {
  /** Tokens so far. */
  length = 0;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #buffer: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  #held = 0;
  #open = true;

  /** Begins the file. */
  constructor(path: string, dtype: TokenDType) {
    this.#path = path;
    this.#buffer = dtype === "u16" ? new Uint16Array(2 ** 16) : new Uint32Array(2 ** 16);
    this.#file = Deno.openSync(temporary(path), { write: true, create: true, truncate: true });
  }

  /** Adds tokens. */
  write(ids: readonly number[]): void {
    for (const id of ids) {
      if (this.#held === this.#buffer.length) this.#flush();
      this.#buffer[this.#held++] = id;
    }
    this.length += ids.length;
  }

  /** Writes what is left, to the disk itself. */
  finish(): void {
    this.#flush();
    this.#file.syncSync();
    this.close();
  }

  /** Gives the finished file its name, in place of one that had it. */
  publish(): void {
    Deno.renameSync(temporary(this.#path), this.#path);
  }

  /** Removes what was written. */
  discard(): void {
    this.close();
    try {
      Deno.removeSync(temporary(this.#path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // published already
    }
  }

  /** Closes the file. Safe to call twice. */
  close(): void {
    if (this.#open) this.#file.close();
    this.#open = false;
  }

  #flush(): void {
    const bytes = new Uint8Array(this.#buffer.buffer, 0, this.#held * this.#buffer.BYTES_PER_ELEMENT);
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#held = 0;
  }
}

/** Writes a text file under another name, then renames it: it is there whole or not at all. */
export function writeTextAtomic(path: string, text: string): void {
  const writer = Deno.openSync(temporary(path), { write: true, create: true, truncate: true });
  try {
    const bytes = new TextEncoder().encode(text);
    for (let done = 0; done < bytes.length;) done += writer.writeSync(bytes.subarray(done));
    writer.syncSync();
  } finally {
    writer.close();
  }
  Deno.renameSync(temporary(path), path);
}

function temporary(path: string): string {
  return `${path}.partial`;
}

function expectRange(path: string, length: number, offset: number, count: number): void {
  if (Number.isInteger(offset) && offset >= 0 && offset + count <= length) return;
  throw new RangeError(`Cannot read ${count} tokens of ${path} from ${offset}, expected at most ${length} in all`);
}
