import { CheckpointError } from "../../model/source.ts";
import type { HubName } from "./name.ts";
import type { HubSettings } from "./settings.ts";

/** The connection broke, or the hub is busy: another try may do. */
export class BrokenConnection extends Error {}

/** How long and how often to wait for the hub. */
export interface Patience {
  /** Milliseconds without a byte after which a connection counts as broken. */
  readonly silence: number;
  /** Tries in a row that bring nothing new before giving up. */
  readonly tries: number;
  /** Milliseconds before the second try; twice as long before each further one. */
  readonly wait: number;
}

/** What is done unless somebody asks for something else. */
export const defaultPatience: Patience = { silence: 30_000, tries: 5, wait: 200 };

/** Requests about one model. */
export interface Requester {
  /** For people. */
  readonly name: HubName;
  /** Where to. */
  readonly settings: HubSettings;
  /** For how long. */
  readonly patience: Patience;
}

/**
 * `fetch`, but for an answer that does not come: a {@linkcode BrokenConnection}, or a {@linkcode CheckpointError} where
 * there is no permission, of which `permission` is the name.
 */
export async function patientFetch(
  address: string | URL | Request,
  init: RequestInit,
  { silence }: Patience,
  permission = "--allow-net",
): Promise<Response> {
  const { host } = new URL(address instanceof Request ? address.url : address), silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), silence);
  try {
    const signal = init.signal ? AbortSignal.any([init.signal, silent.signal]) : silent.signal;
    return await fetch(address, { ...init, signal });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new CheckpointError(`Cannot reach ${host}: no permission, expected ${permission}`, { cause: error });
    }
    // The reason is behind the address: "error sending request for url (…): client error (Connect): …"
    const reason = silent.signal.aborted
      ? "it does not answer"
      : (error as Error).message.replace(/^.*?\(http[^)]*\): /, "");
    throw new BrokenConnection(`Cannot reach ${host}: ${reason}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The pieces of a body, as long as they keep coming. Throws a {@linkcode BrokenConnection} that begins with `cannot` and
 * ends with the byte that was reached.
 */
export async function* pieces(
  response: Response,
  { silence }: Patience,
  cannot: string,
  have: () => number,
): AsyncGenerator<Uint8Array> {
  const reader = response.body!.getReader(),
    broken = (why: string, cause?: unknown) => new BrokenConnection(`${cannot}: ${why} at byte ${have()}`, { cause });
  for (;;) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silent = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(broken("nothing more came")), silence);
    });
    const next = reader.read().catch((error) => Promise.reject(broken("the connection broke", error)));
    next.catch(() => {}); // nobody waits for it after the silence
    const { done, value } = await Promise.race([next, silent]).finally(() => clearTimeout(timer));
    if (done) return;
    yield value;
  }
}

/** A problem with an answer: one that may be gone at another try, or not. */
export function refusal(status: number, message: string): Error {
  return status === 429 || status >= 500 ? new BrokenConnection(message) : new CheckpointError(message);
}

/**
 * {@linkcode patientFetch} with an answer that is good: every other becomes a {@linkcode CheckpointError} that says what it
 * means, or a {@linkcode BrokenConnection}. Status 416 is passed on.
 */
export async function request(
  { name, settings, patience }: Requester,
  url: string | URL | Request,
  init: RequestInit = {},
): Promise<Response> {
  const response = await patientFetch(url, init, patience);
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  throw refused(name, settings, response);
}

function refused({ text, revision }: HubName, { token }: HubSettings, response: Response): Error {
  const { status, statusText, headers } = response, cannot = `Cannot download ${text}: `;
  if (status === 401 || status === 403) {
    const why = token === undefined
      ? "it is private, gated or not there, expected another name or a token in HF_TOKEN"
      : "the token in HF_TOKEN may not read it, expected one of an account that may";
    return new CheckpointError(`${cannot}the hub says ${status}: ${why}`);
  }
  const code = headers.get("x-error-code");
  if (status === 404) {
    if (code === "RevisionNotFound") return new CheckpointError(`${cannot}it has no revision ${revision}`);
    if (code === "EntryNotFound") return new CheckpointError(`${cannot}it has no file of that name (${response.url})`);
    return new CheckpointError(`${cannot}there is no such model on the hub`);
  }
  return refusal(status, `${cannot}the hub says ${status}${statusText && ` ${statusText}`}`);
}

/**
 * Runs `f` until it does not end in a {@linkcode BrokenConnection}. `progress` tells whether a try was worth it: those do
 * not count.
 */
export async function persistently<T>(
  { tries, wait }: Patience,
  f: () => Promise<T>,
  progress: () => number = () => 0,
): Promise<T> {
  for (let failed = 0, best = progress();;) {
    try {
      return await f();
    } catch (error) {
      if (!(error instanceof BrokenConnection)) throw error;
      failed = progress() > best ? 1 : failed + 1;
      best = Math.max(best, progress());
      if (failed >= tries) {
        throw new CheckpointError(`${error.message}; tried ${tries} times`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, wait * 2 ** (failed - 1)));
    }
  }
}
