import { CheckpointError, type Source } from "../../model/source.ts";

/** Bytes read at a time while going through a header. */
const CHUNK = 1 << 16;
/** Longest name or text of a header: a chat template is some ten thousand characters long. */
const LONGEST = 1 << 24;

/** Reads a file from its beginning, little-endian. Every length is checked before anything is allocated. */
export interface ByteReader {
  /** Where the next byte is. */
  at(): number;
  /** An error at byte `at`. */
  fail(at: number, problem: string): CheckpointError;
  /** The next bytes. `what` says in messages what they are. */
  take(bytes: number, what: string): Promise<DataView>;
  /** The next 32-bit number without a sign. */
  u32(what: string): Promise<number>;
  /** The next 64-bit number without a sign; beyond 2⁵³ it is rounded. */
  u64(what: string): Promise<number>;
  /** The next text, after its length in 64 bits. */
  text(what: string): Promise<string>;
  /** A count of things, `limit` at most, of at least `least` bytes each, for which there must be room in the file. */
  count(what: string, least: number, limit?: number): Promise<number>;
  /** Goes on over bytes. */
  skip(bytes: number, what: string): void;
  /** Goes on over `count` texts. */
  skipTexts(count: number, what: string): Promise<void>;
}

/** A reader at the beginning of `file`. */
export function byteReader(source: Source, file: string): ByteReader {
  const size = source.size(file);
  let at = 0, begin = 0, chunk = new Uint8Array();
  const fail = (place: number, problem: string) =>
    new CheckpointError(`Cannot read ${file}: at byte ${place} ${problem}`);
  /** Makes sure that `bytes` from here on are in `chunk`. */
  async function fetch(bytes: number, what: string): Promise<void> {
    expectRoom(bytes, what);
    if (at >= begin && at + bytes <= begin + chunk.length) return;
    const fresh = new Uint8Array(Math.max(bytes, Math.min(CHUNK, size - at)));
    await source.read(file, at, fresh);
    begin = at;
    chunk = fresh;
  }
  function expectRoom(bytes: number, what: string): void {
    if (bytes <= size - at) return;
    throw fail(at, `begins ${what} of ${bytes} bytes, expected at most ${size - at}, where the file ends`);
  }
  const view = (bytes: number) => new DataView(chunk.buffer, at - begin, bytes);
  const reader: ByteReader = {
    at: () => at,
    fail,
    async take(bytes, what) {
      await fetch(bytes, what);
      const taken = view(bytes);
      at += bytes;
      return taken;
    },
    u32: async (what) => (await reader.take(4, what)).getUint32(0, true),
    u64: async (what) => Number((await reader.take(8, what)).getBigUint64(0, true)),
    async text(what) {
      const place = at, length = await reader.u64(`the length of ${what}`);
      if (length > LONGEST) throw fail(place, `${what} is ${length} bytes long, expected at most ${LONGEST}`);
      const bytes = await reader.take(length, what);
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw fail(place, `${what} holds other bytes, expected UTF-8`);
      }
    },
    async count(what, least, limit = Infinity) {
      const place = at, count = await reader.u64(`the number of ${what}`);
      const most = Math.min(limit, Math.floor((size - at) / least));
      if (count > most) {
        throw fail(place, `the number of ${what} is ${count}, expected at most ${most} in what follows`);
      }
      return count;
    },
    skip(bytes, what) {
      expectRoom(bytes, what);
      at += bytes;
    },
    async skipTexts(count, what) {
      for (let i = 0; i < count; i++) {
        // Waiting for each of a hundred thousand lengths would take longer than reading them.
        if (at < begin || at + 8 > begin + chunk.length) await fetch(8, what);
        const length = Number(view(8).getBigUint64(0, true)), place = at;
        at += 8;
        if (length > Math.min(LONGEST, size - at)) {
          throw fail(
            place,
            `text ${i} of ${what} is ${length} bytes long, expected at most ${Math.min(LONGEST, size - at)}`,
          );
        }
        at += length;
      }
    },
  };
  return reader;
}
