/** Children as the parent sees them: processes that answer each line of JSON with another. */
import { messageOf, splitLines } from "./lines.ts";
import type { Failed, Ready } from "./protocol.ts";

/** Seconds to wait until a child is ready: the first start fetches packages. */
const STARTING = 300;

/** All children, so that an interrupted run leaves none behind. */
const alive = new Set<Child>();

/** Ends all children. */
export async function closeChildren(): Promise<void> {
  await Promise.all([...alive].map((child) => child.close()));
}

/** What a child process runs. */
export interface Program {
  /** Name or path of the executable. */
  readonly command: string;
  /** Its arguments. */
  readonly args: readonly string[];
}

/** A script for Deno: no lock file, which is for what the library and its tests import; peers come by exact version. */
export function denoProgram(script: URL, ...args: string[]): Program {
  return { command: Deno.execPath(), args: [..."run -A -q --no-lock".split(" "), script.href, ...args] };
}

/** A child process. */
export class Child {
  /** Its name and version. */
  about = "";
  /** Why it does not answer any more; `undefined` while it does. */
  broken: string | undefined;
  #process: Deno.ChildProcess;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #lines: AsyncGenerator<string>;
  #errors = "";

  private constructor({ command, args }: Program) {
    this.#process = new Deno.Command(command, { args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#lines = splitLines(this.#process.stdout);
    this.#keepErrors();
    alive.add(this);
  }

  /** Starts a child. Throws where it does not get ready. */
  static async start(program: Program): Promise<Child> {
    const child = new Child(program);
    try {
      child.about = (await child.#answer<Ready>(STARTING)).about;
      return child;
    } catch (error) {
      await child.close();
      throw error;
    }
  }

  /** Number of the process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** What it answers to `command`, for which it has so many seconds. */
  async ask<T>(command: object, seconds: number): Promise<T> {
    if (this.broken) throw new Error(this.broken);
    try {
      await this.#writer.write(new TextEncoder().encode(JSON.stringify(command) + "\n"));
    } catch {
      this.#break(new Error(`it has ended${this.#lastError()}`));
      throw new Error(this.broken);
    }
    return await this.#answer<T>(seconds);
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.broken ??= "closed";
    this.#kill();
    await this.#process.status;
    alive.delete(this);
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
