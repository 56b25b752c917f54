/** Children as the parent sees them. */
import type { Case } from "./cases.ts";
import type { Implementation } from "./implementations.ts";
import { messageOf, splitLines } from "./lines.ts";
import type { Checked, Command, Failed, Measured, Ready } from "./protocol.ts";

/** Seconds to wait for an answer: the first start fetches packages, and a large model takes a while to build. */
const STARTING = 300, PREPARING = 300, MEASURING = 120;

const CHILD = new URL("./child.ts", import.meta.url).href;

/** All children, so that an interrupted run leaves none behind. */
const alive = new Set<Child>();

/** Ends all children. */
export async function closeChildren(): Promise<void> {
  await Promise.all([...alive].map((child) => child.close()));
}

/** A child process: one implementation with one number of threads. */
export class Child {
  /** What it runs. */
  readonly implementation: Implementation;
  /** How many threads it was asked to use. */
  readonly threads: number;
  /** Its name and version, once it has started. */
  about = "";
  /** Why it does not answer any more; `undefined` while it does. */
  broken: string | undefined;
  #process: Deno.ChildProcess;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #lines: AsyncGenerator<string>;
  #errors = "";

  private constructor(implementation: Implementation, threads: number) {
    this.implementation = implementation;
    this.threads = threads;
    this.#process = new Deno.Command(Deno.execPath(), {
      // No lock file: it is for what the library and its tests import, and peers are fetched by exact version.
      args: [..."run -A -q --no-lock".split(" "), CHILD, implementation.id, `${threads}`],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#lines = splitLines(this.#process.stdout);
    this.#keepErrors();
    alive.add(this);
  }

  /** Starts a child. It comes back broken if it does not get ready. */
  static async start(implementation: Implementation, threads: number): Promise<Child> {
    const child = new Child(implementation, threads);
    try {
      child.about = (await child.#answer<Ready>(STARTING)).about;
    } catch (error) {
      child.#break(error);
    }
    return child;
  }

  /** Makes a case ready. */
  async prepare(c: Case): Promise<Checked> {
    return await this.#ask<Checked>({ do: "prepare", case: c }, PREPARING);
  }

  /** Measures the case that was prepared last. */
  async measure(seconds: number): Promise<Measured> {
    return await this.#ask<Measured>({ do: "measure", seconds }, MEASURING + 10 * seconds);
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.broken ??= "closed";
    this.#kill();
    await this.#process.status;
    alive.delete(this);
  }

  async #ask<T>(command: Command, seconds: number): Promise<T> {
    if (this.broken) throw new Error(this.broken);
    try {
      await this.#writer.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    } catch {
      this.#break(new Error(`it has ended${this.#lastError()}`));
      throw new Error(this.broken);
    }
    return await this.#answer<T>(seconds);
  }

  /** The next answer. Throws what the child reports; a child that ends or hangs is broken from then on. */
  async #answer<T>(seconds: number): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), 1000 * seconds);
    });
    try {
      for (;;) {
        const { done, value } = await Promise.race([this.#lines.next(), late]);
        if (done) {
          await this.#process.status; // by then it has said why
          throw new Error(`it ended${this.#lastError()}`);
        }
        if (!value.startsWith("{")) continue; // said by a peer's worker
        const answer = JSON.parse(value) as T | Failed;
        if ("failed" in (answer as object)) throw new Failure((answer as Failed).failed);
        return answer as T;
      }
    } catch (error) {
      if (!(error instanceof Failure)) this.#break(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** From now on it is of no use, and must not take time from the others. */
  #break(error: unknown): void {
    this.broken ??= messageOf(error);
    this.#kill();
  }

  #kill(): void {
    try {
      this.#process.kill("SIGKILL"); // there is nothing to save, and some peers do not end by themselves
    } catch { /* it has ended */ }
  }

  /** What it wrote to standard error most recently that looks like a reason. */
  #lastError(): string {
    // deno-lint-ignore no-control-regex
    const lines = this.#errors.replaceAll(/\x1b\[[\d;]*m/g, "").split("\n").filter((line) => line.trim());
    const reason = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
    return reason ? `: ${reason.trim()}` : "";
  }

  async #keepErrors(): Promise<void> {
    for await (const line of splitLines(this.#process.stderr)) this.#errors = `${this.#errors}\n${line}`.slice(-4000);
  }
}

/** An error that a child reported: it is still there. */
class Failure extends Error {}
