/** A file being written. */
export interface DiskFile {
  /** Appends all of `bytes`. */
  write(bytes: Uint8Array): void;
  /** Returns when what was written would survive a loss of power. */
  sync(): void;
  /** Closes it. */
  close(): void;
}

/** What a {@linkcode Sink} needs of a file system. Tests put one in its place that fails. */
export interface Disk {
  /** Makes a folder, and those around it, where there are none. Says whether it was not there. */
  makeFolder(path: string): boolean;
  /** Makes a new, empty folder in `folder` whose name begins with `prefix`. */
  makeTemporary(folder: string, prefix: string): string;
  /** Names in a folder. */
  list(folder: string): { readonly name: string; readonly isDirectory: boolean }[];
  /** A new file. */
  create(path: string): DiskFile;
  /** Whether two files hold the same bytes. */
  same(a: string, b: string): boolean;
  /** Renames a file, over another where there is one. */
  rename(from: string, to: string): void;
  /** Removes a file, or a folder and all that is in it. */
  remove(path: string): void;
  /** Removes a folder if it is empty. */
  removeEmpty(folder: string): void;
  /** Returns when renames in `folder` would survive a loss of power; does nothing where that cannot be asked for. */
  sync(folder: string): void;
}

/** The file system, through Deno. */
export const denoDisk: Disk = {
  makeFolder(path) {
    try {
      if (Deno.statSync(path).isDirectory) return false;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      Deno.mkdirSync(path, { recursive: true });
      return true;
    }
    throw new Error("it is a file, expected a folder");
  },
  makeTemporary: (dir, prefix) => Deno.makeTempDirSync({ dir, prefix }),
  list: (folder) => [...Deno.readDirSync(folder)],
  create(path) {
    const file = Deno.openSync(path, { write: true, createNew: true });
    return {
      write(bytes) {
        for (let done = 0, count = 1; done < bytes.length; done += count) {
          count = file.writeSync(bytes.subarray(done));
          if (!count) throw new Error("it takes no more bytes");
        }
      },
      sync: () => file.syncSync(),
      close: () => file.close(),
    };
  },
  same(a, b) {
    if (Deno.statSync(a).size !== Deno.statSync(b).size) return false;
    using one = Deno.openSync(a), two = Deno.openSync(b);
    const left = new Uint8Array(1 << 16), right = new Uint8Array(1 << 16);
    for (;;) {
      const count = readFully(one, left);
      if (readFully(two, right) !== count) return false;
      for (let i = 0; i < count; i++) if (left[i] !== right[i]) return false;
      if (count < left.length) return true;
    }
  },
  rename: (from, to) => Deno.renameSync(from, to),
  remove: (path) => Deno.removeSync(path, { recursive: true }),
  removeEmpty: (folder) => Deno.removeSync(folder),
  sync(folder) {
    try {
      using handle = Deno.openSync(folder);
      handle.syncSync();
    } catch {
      // Windows does not open folders; its renames are in order without.
    }
  },
};

/** Fills `into` as far as the file goes. */
function readFully(file: Deno.FsFile, into: Uint8Array): number {
  let done = 0;
  for (let count: number | null; done < into.length && (count = file.readSync(into.subarray(done))); done += count);
  return done;
}
