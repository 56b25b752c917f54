/** A checkpoint is wrong: the message says which file, where in it, and what was expected. */
export class CheckpointError extends Error {
  /** For telling it apart. */
  override readonly name = "CheckpointError";

  /** `message` becomes one line: what is quoted from a damaged file may hold anything. */
  constructor(message: string, options?: ErrorOptions) {
    // deno-lint-ignore no-control-regex
    super(message.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`), options);
  }
}

/** Files of a checkpoint: a folder, a file and its neighbours, or bytes in memory. */
export interface Source extends Disposable {
  /** For messages. */
  readonly path: string;
  /** The file that was named, if it was not a folder. */
  readonly file: string | undefined;
  /** Names of the files. */
  readonly files: readonly string[];
  /** Bytes of a file. */
  size(file: string): number;
  /** Fills `into` from byte `offset` of a file. Throws if the file ends before. */
  read(file: string, offset: number, into: Uint8Array<ArrayBufferLike>): void | Promise<void>;
  /** Closes what is open. */
  close(): void;
}

/** The files at `path` on disk: a folder, or a file and its neighbours. Needs permission to read there. */
export function openSource(path: string): Source {
  const named = stat(path, path);
  const folder = named.isDirectory ? path : path.replace(/[^/\\]*$/, "") || ".";
  const file = named.isDirectory ? undefined : path.match(/[^/\\]*$/)![0];
  const join = (name: string) => `${folder.replace(/[/\\]$/, "")}/${name}`;
  const open = new Map<string, Deno.FsFile>();
  const close = () => {
    for (const handle of open.values()) handle.close();
    open.clear();
  };
  return {
    path,
    file,
    files: neighbours(folder, file),
    size: (name) => stat(join(name), path).size,
    read(name, offset, into) {
      let handle = open.get(name);
      if (!handle) open.set(name, handle = openFile(join(name), path));
      handle.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < into.length;) {
        const count = handle.readSync(into.subarray(done));
        if (!count) throw endOfFile(join(name), offset + done, into.length - done);
        done += count;
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Files in memory, by name. `file` is the one that stands for the checkpoint; without it they are a folder. */
export function memorySource(contents: Readonly<Record<string, Uint8Array>>, file?: string): Source {
  const bytesOf = (name: string) => {
    if (!Object.hasOwn(contents, name)) throw new CheckpointError(`Cannot read ${name}: there is no such file`);
    return contents[name];
  };
  return {
    path: file ?? "memory",
    file,
    files: Object.keys(contents),
    size: (name) => bytesOf(name).length,
    read(name, offset, into) {
      const bytes = bytesOf(name).subarray(offset, offset + into.length);
      if (bytes.length < into.length) throw endOfFile(name, offset + bytes.length, into.length - bytes.length);
      into.set(bytes);
    },
    close() {},
    [Symbol.dispose]() {},
  };
}

/** All of a file. Refuses one larger than `limit` bytes. */
export async function readFile(
  source: Source,
  file: string,
  limit: number = 2 ** 28,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = source.size(file);
  if (size > limit) throw new CheckpointError(`Cannot read ${file}: it has ${size} bytes, expected at most ${limit}`);
  const bytes = new Uint8Array(size);
  await source.read(file, 0, bytes);
  return bytes;
}

/** A JSON file that holds an object. */
export async function readJson(source: Source, file: string): Promise<Record<string, unknown>> {
  const text = new TextDecoder().decode(await readFile(source, file));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError(`Cannot read ${file}: it is not JSON (${(error as Error).message})`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CheckpointError(`Cannot read ${file}: expected a JSON object, found ${text.slice(0, 40)}`);
  }
  return value as Record<string, unknown>;
}

function stat(file: string, path: string): Deno.FileInfo {
  try {
    return Deno.statSync(file);
  } catch (error) {
    throw unreadable(file, path, error);
  }
}

function openFile(file: string, path: string): Deno.FsFile {
  try {
    return Deno.openSync(file);
  } catch (error) {
    throw unreadable(file, path, error);
  }
}

function neighbours(folder: string, file: string | undefined): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter((entry) => !entry.isDirectory).map((entry) => entry.name).sort();
  } catch (error) {
    if (file !== undefined) return [file]; // only the file itself may be read
    throw unreadable(folder, folder, error);
  }
}

/** What went wrong when `file`, which belongs to `path`, was opened. */
export function unreadable(file: string, path: string, error: unknown): Error {
  if (error instanceof Deno.errors.NotFound) {
    return new CheckpointError(`Cannot open ${path}: there is no ${file === path ? "such file or folder" : file}`);
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new CheckpointError(`Cannot open ${path}: no permission to read it, expected --allow-read`);
  }
  return new CheckpointError(`Cannot open ${path}: ${(error as Error).message}`, { cause: error });
}

function endOfFile(file: string, offset: number, missing: number): CheckpointError {
  return new CheckpointError(`Cannot read ${file}: it ends at byte ${offset}, expected ${missing} more`);
}
