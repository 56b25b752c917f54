import { denoDisk, type Disk } from "./disk.ts";
import { CheckpointError } from "./source.ts";

/** Bytes in the order in which they are to be written. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Where a checkpoint is written: a set of files that appears as a whole, or not at all. */
export interface Sink extends Disposable {
  /** For messages. */
  readonly path: string;
  /** Names of the files that were there when it was opened. */
  readonly files: readonly string[];
  /**
   * Writes a file, which nobody sees before {@linkcode Sink.commit}. Order matters: write last what makes a reader look
   * at the others.
   */
  write(file: string, pieces: Pieces): Promise<void>;
  /** Shows everything that was written in place of what was there. */
  commit(): void;
  /** Without a commit, leaves everything as it was. */
  close(): void;
}

/** Begins the names of folders with what is not yet, or no longer, to be seen. */
const TEMPORARY = ".tmp-";
/** Ends the names of files that are about to be replaced. */
const PREVIOUS = ".previous";

/**
 * A folder to write to, made if it is not there. Files go to a folder in it with a temporary name, reach the disk there
 * (fsync), and are renamed by {@linkcode Sink.commit}:
 *
 * - Files that would not change are left alone. If one is left, one rename replaces it: readers see the old set or the
 *   new one.
 * - If several change, the old ones are first moved aside, last written first, then the new ones come in, first written
 *   first. So at every moment what can be seen is a beginning of the old set or a beginning of the new one, never both.
 *   A rename that fails is undone. After a crash in between, the folder lacks the files written last, and its old ones
 *   lie in its `.tmp-…` until the next commit.
 *
 * Throws a {@linkcode CheckpointError} that names path and cause. Needs permission to read and write there. One sink at
 * a time: opening one removes what an interrupted one has left.
 */
export function openSink(path: string, disk: Disk = denoDisk): Sink {
  const attempt = <T>(f: () => T, file?: string): T => {
    try {
      return f();
    } catch (error) {
      throw unwritable(path, file, error);
    }
  };
  const leftovers = () => disk.list(path).filter((e) => e.isDirectory && e.name.startsWith(TEMPORARY));

  const isNew = attempt(() => disk.makeFolder(path));
  const files = attempt(() => disk.list(path)).filter((e) => !e.isDirectory).map((e) => e.name).sort();
  for (const { name } of attempt(leftovers)) {
    const folder = join(path, name);
    quietly(() => disk.list(folder).some((e) => e.name.endsWith(PREVIOUS)) || disk.remove(folder));
  }
  let temporary: string | undefined = attempt(() => disk.makeTemporary(path, TEMPORARY));
  const begun: string[] = [], finished = new Set<string>();

  const close = () => {
    if (temporary !== undefined) quietly(() => disk.remove(temporary!));
    if (temporary !== undefined && isNew) quietly(() => disk.removeEmpty(path));
    temporary = undefined;
  };

  return {
    path,
    files,
    async write(file, pieces) {
      if (temporary === undefined) {
        throw new TypeError(`Cannot write ${file}: the sink is closed, expected an open one`);
      }
      if (/[/\\]|^\.|^$/.test(file) || begun.includes(file)) {
        throw new TypeError(`Cannot write ${JSON.stringify(file)}, expected the name of a new file`);
      }
      begun.push(file);
      const handle = attempt(() => disk.create(join(temporary!, file)), file);
      try {
        for await (const piece of pieces) attempt(() => handle.write(piece), file);
        attempt(() => handle.sync(), file);
      } finally {
        handle.close();
      }
      finished.add(file);
    },
    commit() {
      if (temporary === undefined) {
        throw new TypeError(`Cannot commit ${path}: the sink is closed, expected an open one`);
      }
      const failed = begun.find((file) => !finished.has(file)), folder = temporary;
      if (failed !== undefined) throw new TypeError(`Cannot commit ${path}: ${failed} has not been written`);
      attempt(() => {
        const differs = (file: string) => !files.includes(file) || !disk.same(join(folder, file), join(path, file));
        const changed = begun.filter(differs);
        if (!replace(disk, path, folder, changed, changed.filter((file) => files.includes(file)))) {
          temporary = undefined; // it holds the only copy of what was there
          throw new CheckpointError(`Cannot save ${path}: a rename failed twice; what was there is in ${folder}`);
        }
      });
      temporary = undefined;
      quietly(() => leftovers().forEach(({ name }) => disk.remove(join(path, name))));
    },
    close,
    [Symbol.dispose]: close,
  };
}

/**
 * Renames `changed` files from `folder` into `path`, where those of them that are `old` stand in their way. Throws after
 * undoing everything where one cannot be renamed; `false` if not even that was possible.
 */
function replace(
  disk: Disk,
  path: string,
  folder: string,
  changed: readonly string[],
  old: readonly string[],
): boolean {
  const done: [from: string, to: string][] = [];
  const move = (from: string, to: string) => {
    disk.rename(from, to);
    done.push([from, to]);
    disk.sync(path); // in this order on disk, too
  };
  try {
    if (changed.length > 1) {
      for (const file of [...old].reverse()) move(join(path, file), join(folder, file + PREVIOUS));
    }
    for (const file of changed) move(join(folder, file), join(path, file));
    return true;
  } catch (error) {
    try {
      for (const [from, to] of done.reverse()) disk.rename(to, from);
    } catch {
      return false;
    }
    throw error;
  }
}

/** Runs `f` for what it does when it works: what could not be removed is in nobody's way. */
function quietly(f: () => void): void {
  try {
    f();
  } catch {
    // Whatever led here matters more.
  }
}

function join(folder: string, name: string): string {
  return `${folder.replace(/[/\\]$/, "")}/${name}`;
}

/** A sink that keeps files in `contents`, by name: what `memorySource` reads. */
export function memorySink(contents: Record<string, Uint8Array> = {}): Sink & { readonly contents: typeof contents } {
  const written = new Map<string, Uint8Array>();
  return {
    path: "memory",
    files: Object.keys(contents),
    contents,
    async write(file, pieces) {
      const parts: Uint8Array<ArrayBuffer>[] = [];
      for await (const piece of pieces) parts.push(piece.slice());
      written.set(file, new Uint8Array(await new Blob(parts).arrayBuffer()));
    },
    commit: () => written.forEach((bytes, file) => contents[file] = bytes),
    close() {},
    [Symbol.dispose]() {},
  };
}

/** `value` as a JSON file. */
export function jsonPieces(value: unknown): Uint8Array[] {
  return [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)];
}

function unwritable(path: string, file: string | undefined, error: unknown): Error {
  if (error instanceof CheckpointError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new CheckpointError(`Cannot save ${path}: no permission, expected --allow-read and --allow-write`, {
      cause: error,
    });
  }
  const what = `${file === undefined ? "" : `${file}: `}${(error as Error).message}`;
  return new CheckpointError(`Cannot save ${path}: ${what}; what was there is unchanged`, { cause: error });
}
