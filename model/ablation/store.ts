import { writeTextAtomic } from "../data/token_file.ts";
import { CheckpointError } from "../source.ts";
import type { TrialResult } from "./outcome.ts";

/** The results of a folder. */
export interface ResultStore extends Disposable {
  /** By key. */
  readonly results: ReadonlyMap<string, TrialResult>;
  /** Adds a result, which is on the disk when this returns. */
  add(result: TrialResult): void;
  /**
   * Puts the file in order: the results of `keys` first, then the others by key. However trials were interrupted and
   * whichever ended first, the same results then make the same file.
   */
  arrange(keys: readonly string[]): void;
}

/**
 * Opens `results.jsonl` in `folder`, which is made if it is not there. A last line that was not written whole is dropped.
 * Throws a {@linkcode CheckpointError} for another line that is no result, and where the folder cannot be written to or
 * is in use by another process.
 */
export function openStore(folder: string): ResultStore {
  const path = `${folder}/results.jsonl`, encoder = new TextEncoder();
  const attempt = <T>(f: () => T): T => {
    try {
      return f();
    } catch (error) {
      if (error instanceof CheckpointError) throw error;
      throw new CheckpointError(`Cannot keep results in ${folder}: ${(error as Error).message}`, { cause: error });
    }
  };
  attempt(() => Deno.mkdirSync(folder, { recursive: true }));
  const lock = attempt(() => lockFolder(folder));
  try {
    const { results, torn } = attempt(() => readResults(path));
    const write = (list: Iterable<TrialResult>) =>
      attempt(() => writeTextAtomic(path, [...list].map((result) => `${JSON.stringify(result)}\n`).join("")));
    if (torn) write(results.values());
    return {
      results,
      add(result) {
        attempt(() => append(path, encoder.encode(`${JSON.stringify(result)}\n`)));
        results.set(result.key, result);
      },
      arrange(keys) {
        const known = new Set(keys), first = [...known].flatMap((key) => results.get(key) ?? []);
        const others = [...results.values()].filter(({ key }) => !known.has(key)).sort((a, b) =>
          a.key < b.key ? -1 : 1
        );
        write([...first, ...others]);
      },
      [Symbol.dispose]: () => lock.close(),
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Adds all of `bytes` to a file, or nothing: after a part of a line, the next one would make both unreadable. */
function append(path: string, bytes: Uint8Array): void {
  using file = Deno.openSync(path, { append: true, create: true });
  const { size } = file.statSync();
  try {
    for (let done = 0, count = 1; done < bytes.length; done += count) {
      count = file.writeSync(bytes.subarray(done));
      if (!count) throw new Error("it takes no more bytes");
    }
    file.syncSync();
  } catch (error) {
    file.truncateSync(size);
    throw error;
  }
}

/** Keeps other processes out for as long as the file is open; a process that is killed lets go of it. */
function lockFolder(folder: string): Deno.FsFile {
  const file = Deno.openSync(`${folder}/lock`, { write: true, create: true });
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new CheckpointError(`Cannot use ${folder}: another process runs an ablation there, expected one at a time`);
}

/** Every line, the newest of each key; `torn` if the end was not written whole. */
function readResults(path: string): { results: Map<string, TrialResult>; torn: boolean } {
  const results = new Map<string, TrialResult>();
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { results, torn: false };
    throw error;
  }
  const lines = text.split("\n"), last = lines.pop()!;
  for (const [i, line] of lines.entries()) {
    const result = readResult(line);
    if (!result) {
      throw new CheckpointError(
        `Cannot read ${path}: line ${i + 1} is no result, expected JSON with a key and an outcome`,
      );
    }
    results.set(result.key, result);
  }
  return { results, torn: last !== "" };
}

function readResult(line: string): TrialResult | undefined {
  try {
    const result = JSON.parse(line) as Partial<TrialResult> | null;
    const whole = typeof result?.key === "string" && typeof result.seed === "number" && Array.isArray(result.curve) &&
      (result.outcome === "diverged" || (result.outcome === "finished" && typeof result.score?.loss === "number"));
    return whole ? result as TrialResult : undefined;
  } catch {
    return undefined;
  }
}
