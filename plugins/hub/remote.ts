/**
 * A file on a server, read where it lies: a GGUF file's header, then its tensors, by range requests. Nothing is stored.
 * https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
 */
import { CheckpointError, type Source } from "../../model/source.ts";
import {
  BrokenConnection,
  defaultPatience,
  type Patience,
  patientFetch,
  persistently,
  pieces,
  refusal,
} from "./request.ts";

/** Blocks that are remembered: headers are read in small pieces. */
const REMEMBERED = 3;

/** Options of {@linkcode openRemote}. */
export interface RemoteOptions {
  /** How long to wait for the server, and how often. */
  readonly patience?: Partial<Patience>;
  /** Bytes that are asked for at a time. Default: 4 MiB. */
  readonly block?: number;
  /** Sent as `Authorization: Bearer …`. Default: nothing. */
  readonly token?: string;
}

/** What the server says of the file, which must stay as it is while it is read. */
interface Identity {
  readonly size: number;
  readonly tag: string | null;
}

/** Whether a text is the address of a file rather than a path. */
export function isAddress(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/**
 * The file at an `https:` or `http:` address as a source for `loadModel`: nothing else lies beside it, so it must say
 * everything itself, as a `.gguf` does. The server must know range requests. Connections that break are tried again.
 *
 * Throws a {@linkcode CheckpointError} of one line: no such file, no permission, no network, a server without ranges, a
 * file that changes while it is read.
 */
export async function openRemote(address: string, options: RemoteOptions = {}): Promise<Source> {
  const { block: length = 4 * 2 ** 20, token } = options, patience = { ...defaultPatience, ...options.patience };
  const { url, name } = parsed(address), wrong = (why: string) => new CheckpointError(`Cannot read ${address}: ${why}`);
  const headers = { "accept-encoding": "identity", ...(token && { authorization: `Bearer ${token}` }) };
  const closed = new AbortController(), blocks = new Map<number, Promise<Uint8Array>>();
  let known: Identity | undefined;

  async function fetchBlock(index: number): Promise<Uint8Array> {
    const begin = index * length, end = Math.min(begin + length, known?.size ?? Infinity) - 1;
    const stop = new AbortController(), signal = AbortSignal.any([stop.signal, closed.signal]);
    const init = { headers: { ...headers, range: `bytes=${begin}-${end}` }, signal };
    const response = await patientFetch(url, init, patience, `--allow-net=${url.host}`);
    try {
      const identity = expectRange(response, address, begin);
      if (known && (identity.size !== known.size || identity.tag !== known.tag)) {
        throw wrong("it has changed since its first bytes were read, expected one file");
      }
      known = identity;
      const bytes = new Uint8Array(Math.min(length, identity.size - begin));
      let have = 0;
      for await (const piece of pieces(response, patience, `Cannot read ${address}`, () => begin + have)) {
        if (have + piece.length > bytes.length) {
          throw wrong(`the server sends more than the ${bytes.length} bytes asked for`);
        }
        bytes.set(piece, have);
        have += piece.length;
      }
      if (have === bytes.length) return bytes;
      throw new BrokenConnection(`Cannot read ${address}: it broke off at byte ${begin + have} of ${identity.size}`);
    } finally {
      stop.abort(); // the rest of an answer that is not wanted
    }
  }

  function block(index: number): Promise<Uint8Array> {
    const held = blocks.get(index) ?? persistently(patience, () => fetchBlock(index));
    blocks.delete(index); // the oldest goes first, and this is the newest now
    blocks.set(index, held);
    held.catch(() => blocks.delete(index)); // whoever waits for it is told
    if (blocks.size > REMEMBERED) blocks.delete(blocks.keys().next().value!);
    return held;
  }

  await block(0);
  const size = known!.size,
    close = () => {
      closed.abort();
      blocks.clear();
    };
  return {
    path: address,
    file: name,
    files: [name],
    size: () => size,
    async read(_, offset, into) {
      if (offset + into.length > size) {
        throw new CheckpointError(
          `Cannot read ${name}: it ends at byte ${size}, expected ${offset + into.length} at least`,
        );
      }
      for (let done = 0; done < into.length;) {
        const at = offset + done, index = Math.floor(at / length), bytes = await block(index);
        const part = bytes.subarray(at - index * length, at - index * length + into.length - done);
        into.set(part, done);
        done += part.length;
        // Files are read from first to last: the next block is on its way while this one is put in place.
        if ((index + 1) * length < size && !blocks.has(index + 1)) block(index + 1).catch(() => {});
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}

function parsed(address: string): { readonly url: URL; readonly name: string } {
  try {
    const url = new URL(address);
    return { url, name: decodeURIComponent(url.pathname.replace(/^.*\//, "")) || url.host };
  } catch {
    throw new CheckpointError(`Cannot read ${address}: it is no address, expected one such as https://host/model.gguf`);
  }
}

/** The size of the file and what it is known by, if the answer is the part that begins at byte `begin`. */
function expectRange(response: Response, url: string, begin: number): Identity {
  const { status, statusText, headers } = response;
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
  if (status === 206 && range && Number(range[1]) === begin) {
    return { size: Number(range[2]), tag: headers.get("etag") ?? headers.get("last-modified") };
  }
  if (status === 200 || status === 206) {
    const sent = status === 200 ? "all of it" : headers.get("content-range") ?? "a part, but not which";
    throw new CheckpointError(
      `Cannot read ${url}: the server sends ${sent}, expected the bytes from ${begin} on: download it`,
    );
  }
  throw refusal(status, `Cannot read ${url}: the server says ${status}${statusText && ` ${statusText}`}`);
}
