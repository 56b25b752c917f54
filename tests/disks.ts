/** Disks that fail, and folders to try them on. */
import { denoDisk, type Disk } from "../model/disk.ts";

/** Runs `f` in a folder that is removed afterwards. */
export async function inFolder<T>(f: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = Deno.makeTempDirSync();
  try {
    return await f(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Every file in a folder and those in it, by path. */
export function filesIn(folder: string): Record<string, Uint8Array<ArrayBuffer>> {
  const found: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (!isDirectory) found[name] = Deno.readFileSync(`${folder}/${name}`);
    else {
      found[`${name}/`] = new Uint8Array();
      for (const [inner, bytes] of Object.entries(filesIn(`${folder}/${name}`))) found[`${name}/${inner}`] = bytes;
    }
  }
  return Object.fromEntries(Object.entries(found).sort());
}

/** The real disk, whose every change goes through `change` first. */
export function watchedDisk(change: (what: string, bytes?: Uint8Array) => void): Disk {
  return {
    ...denoDisk,
    makeFolder: (path) => (change("makeFolder"), denoDisk.makeFolder(path)),
    makeTemporary: (folder, prefix) => (change("makeTemporary"), denoDisk.makeTemporary(folder, prefix)),
    create(path) {
      change("create");
      const file = Deno.openSync(path, { write: true, createNew: true });
      return {
        write(bytes) {
          change("write", bytes.subarray(0, bytes.length >> 1));
          file.writeSync(bytes.subarray(0, bytes.length >> 1));
          change("write", bytes.subarray(bytes.length >> 1));
          file.writeSync(bytes.subarray(bytes.length >> 1));
        },
        sync: () => change("sync"),
        close: () => file.close(),
      };
    },
    rename: (from, to) => (change("rename"), denoDisk.rename(from, to)),
    remove: (path) => (change("remove"), denoDisk.remove(path)),
    removeEmpty: (folder) => (change("removeEmpty"), denoDisk.removeEmpty(folder)),
    sync: () => change("syncFolder"),
  };
}

/** A disk with room for so many bytes. */
export function fullDisk(room: number): Disk {
  return watchedDisk((_, bytes) => {
    if (bytes && (room -= bytes.length) < 0) throw new Error("No space left on device (os error 28)");
  });
}

/** A disk that does nothing any more after so many changes: what a crash leaves behind. */
export function crashingDisk(changes: number): Disk & { readonly crashed: boolean } {
  let left = changes;
  const disk = watchedDisk((what) => {
    if (left-- <= 0) throw new Error(`crash before ${what}`);
  });
  return Object.defineProperty(disk, "crashed", { get: () => left < 0 }) as Disk & { readonly crashed: boolean };
}
