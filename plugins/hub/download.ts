/**
 * One file, from the hub to the disk.
 *
 * `@huggingface/hub` asks and lists; it does not download here. Its `downloadFile` gives a `Blob` that neither goes on
 * where an earlier download ended nor notices one that ends early, and `downloadFileToCacheDir` trusts whatever arrives.
 * So bytes are fetched from `/org/name/resolve/commit/file`, the address that it uses itself, by range requests.
 */
import { createHash } from "node:crypto";
import { breather } from "../../model/breathe.ts";
import { denoDisk } from "../../model/disk.ts";
import { CheckpointError } from "../../model/source.ts";
import type { RemoteFile } from "./listing.ts";
import { BrokenConnection, persistently, pieces, request, type Requester } from "./request.ts";

/** Bytes hashed at a time. */
const PIECE = 1 << 20;

/** Where a file goes. */
export interface Destination {
  /** Its name once it is whole and checked. */
  readonly path: string;
  /** What there is of it until then. */
  readonly partial: string;
}

/**
 * Downloads a file unless it is there. What arrives is kept under a name of its own, and gone on with after anything;
 * only a file of the right size and hash gets its name, by one rename. Two at once wait for each other.
 */
export async function download(
  requester: Requester,
  commit: string,
  file: RemoteFile,
  { path, partial }: Destination,
  onProgress: (done: number) => void,
): Promise<void> {
  using handle = onDisk(partial, () => Deno.openSync(partial, { read: true, write: true, create: true }));
  await handle.lock(true);
  if (isWhole(path, file)) return onProgress(file.size); // another process has brought it meanwhile
  const resumed = sizeOf(handle) > 0,
    receiveAll = () =>
      persistently(
        requester.patience,
        () => receive(requester, commit, file, handle, onProgress),
        () => sizeOf(handle),
      );
  await receiveAll();
  let wrong = await mismatch(handle, file);
  if (wrong !== undefined && resumed) { // what an earlier run has left may be damaged: once more, from the beginning
    handle.truncateSync(0);
    await receiveAll();
    wrong = await mismatch(handle, file);
  }
  if (wrong !== undefined) {
    handle.truncateSync(0);
    throw new CheckpointError(`Cannot download ${nameOf(requester, file)}: ${wrong}`);
  }
  onDisk(path, () => {
    handle.syncSync();
    Deno.renameSync(partial, path);
    denoDisk.sync(path.replace(/[^/\\]*$/, ""));
  });
}

/** Whether a file is there with the size that it should have: only whole files have their names. */
export function isWhole(path: string, { size }: RemoteFile): boolean {
  try {
    return Deno.statSync(path).size === size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw unwritable(path, error);
  }
}

/** Fetches what is missing of a file. Throws a {@linkcode BrokenConnection} where the rest does not come. */
async function receive(
  requester: Requester,
  commit: string,
  file: RemoteFile,
  handle: Deno.FsFile,
  onProgress: (done: number) => void,
): Promise<void> {
  const { settings: { endpoint, token }, name: { repo }, patience } = requester, what = nameOf(requester, file);
  if (sizeOf(handle) > file.size) handle.truncateSync(0);
  let have = sizeOf(handle);
  if (have === file.size) return onProgress(have);
  const stop = new AbortController();
  const response = await request(requester, `${endpoint}/${repo}/resolve/${commit}/${encodeURIComponent(file.name)}`, {
    signal: stop.signal,
    headers: {
      range: `bytes=${have}-`,
      "accept-encoding": "identity", // ranges and sizes are those of the file itself
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
  });
  try {
    have = beginning(response, file, have, (problem) => {
      handle.truncateSync(0);
      return new CheckpointError(`Cannot download ${what}: ${problem}, expected ${file.size} as it lists`);
    });
    handle.truncateSync(have);
    handle.seekSync(have, Deno.SeekMode.Start);
    for await (const piece of pieces(response, patience, `Cannot download ${what}`, () => have)) {
      if (have + piece.length > file.size) {
        handle.truncateSync(0);
        throw new CheckpointError(`Cannot download ${what}: the hub sends more than the ${file.size} bytes it lists`);
      }
      onDisk(what, () => {
        for (let done = 0; done < piece.length;) done += handle.writeSync(piece.subarray(done));
      });
      onProgress(have += piece.length);
    }
  } finally {
    stop.abort();
  }
  if (have < file.size) {
    throw new BrokenConnection(`Cannot download ${what}: it broke off at byte ${have} of ${file.size}`);
  }
}

/** The byte with which an answer begins: what was asked for, or 0 from servers that know no ranges. */
function beginning(
  { status, headers }: Response,
  { size }: RemoteFile,
  have: number,
  wrong: (problem: string) => Error,
): number {
  if (status === 416) throw wrong(`the hub has nothing from byte ${have} on`);
  const range = headers.get("content-range")?.match(/^bytes (\d+)-\d+\/(\d+|\*)$/);
  if (status === 206 && range?.[1] !== String(have)) {
    throw wrong(`the hub sends ${headers.get("content-range")} in place of the bytes from ${have}`);
  }
  const total = status === 206 ? range![2] : headers.get("content-encoding") ? null : headers.get("content-length");
  if (total !== null && total !== "*" && Number(total) !== size) throw wrong(`the hub sends a file of ${total} bytes`);
  return status === 206 ? have : 0;
}

/** What is wrong with a file that has arrived, if anything is. */
async function mismatch(handle: Deno.FsFile, { size, sha256, blob }: RemoteFile): Promise<string | undefined> {
  const expected = sha256 ?? blob;
  if (expected === undefined) return undefined;
  const hash = createHash(sha256 === undefined ? "sha1" : "sha256"), buffer = new Uint8Array(PIECE), rest = breather();
  if (sha256 === undefined) hash.update(`blob ${size}\0`); // https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
  handle.seekSync(0, Deno.SeekMode.Start);
  for (let count = handle.readSync(buffer); count !== null; count = handle.readSync(buffer)) {
    hash.update(buffer.subarray(0, count));
    await rest();
  }
  const found = hash.digest("hex"), kind = sha256 === undefined ? "git hash" : "SHA-256";
  return found === expected ? undefined : `its ${kind} is ${found}, expected ${expected}`;
}

/** Runs `f`, whose errors are about the disk. */
export function onDisk<T>(path: string, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): Error {
  if (error instanceof CheckpointError) return error;
  const why = error instanceof Deno.errors.NotCapable
    ? "no permission, expected --allow-read and --allow-write"
    : (error as Error).message;
  return new CheckpointError(`Cannot store ${path}: ${why}`, { cause: error });
}

function sizeOf(handle: Deno.FsFile): number {
  return handle.statSync().size;
}

function nameOf({ name: { repo } }: Requester, { name }: RemoteFile): string {
  return `${name} of ${repo}`;
}
