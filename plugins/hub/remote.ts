/**
 * A file on a server, read where it lies: a GGUF file's header, then its tensors, by range requests. Nothing is stored.
 * https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
 */
import { CheckpointError, type Source } from "../../model/source.ts";
import { BrokenConnection, defaultPatience, type Patience, persistently } from "./request.ts";

/** Blocks that are remembered: headers are read in small pieces. */
const REMEMBERED = 3;
/** Why a request is given up: nothing came for too long. */
const SILENCE = "silence";

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
  const url = parsed(address);
  const name = decodeURIComponent(url.pathname.replace(/^.*\//, "")) || url.host;
  const headers = { "accept-encoding": "identity", ...(token && { authorization: `Bearer ${token}` }) };
  const closed = new AbortController(), blocks = new Map<number, Promise<Uint8Array>>();
  let known: Identity | undefined;

  async function fetchBlock(index: number): Promise<Uint8Array> {
    const begin = index * length, end = Math.min(begin + length, known?.size ?? Infinity) - 1;
    const stop = new AbortController(), signal = AbortSignal.any([stop.signal, closed.signal]);
    const wait = () => setTimeout(() => stop.abort(SILENCE), patience.silence);
    const silent = () => stop.signal.reason === SILENCE;
    let timer = wait();
    const heard = () => {
      clearTimeout(timer);
      timer = wait();
    };
    let response: Response, have = 0;
    try {
      response = await fetch(url, { headers: { ...headers, range: `bytes=${begin}-${end}` }, signal });
    } catch (error) {
      clearTimeout(timer);
      throw unreachable(error, url, silent());
    }
    try {
      const identity = await expectRange(response, address, begin);
      if (known && (identity.size !== known.size || identity.tag !== known.tag)) {
        throw new CheckpointError(
          `Cannot read ${address}: it has changed since its first bytes were read, expected one file`,
        );
      }
      known = identity;
      const bytes = new Uint8Array(Math.min(length, identity.size - begin));
      for await (const piece of response.body!) {
        heard();
        if (have + piece.length > bytes.length) {
          throw new CheckpointError(
            `Cannot read ${address}: the server sends more than the ${bytes.length} bytes asked for`,
          );
        }
        bytes.set(piece, have);
        have += piece.length;
      }
      if (have === bytes.length) return bytes;
      throw new BrokenConnection(`Cannot read ${address}: it broke off at byte ${begin + have} of ${identity.size}`);
    } catch (error) {
      if (error instanceof CheckpointError || error instanceof BrokenConnection) throw error;
      const what = silent() ? "nothing more came" : "the connection broke";
      throw new BrokenConnection(`Cannot read ${address}: ${what} at byte ${begin + have}`, { cause: error });
    } finally {
      stop.abort(); // the rest of an answer that is not wanted
      clearTimeout(timer);
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

function parsed(address: string): URL {
  try {
    return new URL(address);
  } catch {
    throw new CheckpointError(`Cannot read ${address}: it is no address, expected one such as https://host/model.gguf`);
  }
}

/** The size of the file and what it is known by, if the answer is the part that begins at byte `begin`. */
async function expectRange(response: Response, url: string, begin: number): Promise<Identity> {
  const { status, statusText, headers } = response;
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
  if (status === 206 && range && Number(range[1]) === begin) {
    return { size: Number(range[2]), tag: headers.get("etag") ?? headers.get("last-modified") };
  }
  await response.body?.cancel();
  if (status === 200 || status === 206) {
    const sent = status === 200 ? "all of it" : headers.get("content-range") ?? "a part, but not which";
    throw new CheckpointError(
      `Cannot read ${url}: the server sends ${sent}, expected the bytes from ${begin} on: download it`,
    );
  }
  const message = `Cannot read ${url}: the server says ${status}${statusText && ` ${statusText}`}`;
  throw status === 429 || status >= 500 ? new BrokenConnection(message) : new CheckpointError(message);
}

/** An error of `fetch` in our words. */
function unreachable(error: unknown, { host }: URL, silent: boolean): Error {
  if (error instanceof Deno.errors.NotCapable) {
    return new CheckpointError(`Cannot reach ${host}: no permission, expected --allow-net=${host}`, { cause: error });
  }
  // The reason is behind the address: "error sending request for url (…): client error (Connect): …"
  const reason = silent ? "it does not answer" : (error as Error).message.replace(/^.*?\(http[^)]*\): /, "");
  return new BrokenConnection(`Cannot reach ${host}: ${reason}`, { cause: error });
}
