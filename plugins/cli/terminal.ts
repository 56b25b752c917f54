import { UsageError } from "./flags.ts";

const encoder = new TextEncoder();

/** Writes all of `text` to standard output. `false` if nobody reads it any more. */
export function print(text: string): boolean {
  const bytes = encoder.encode(text);
  try {
    for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** Writes a line to standard error. */
export function note(line: string): void {
  console.error(line);
}

/** A line on standard error that is written over; nothing where that is not a terminal. */
export function statusLine(): { show(text: string): void; clear(): void } {
  const terminal = Deno.stderr.isTerminal();
  let shown = false, last = 0;
  const write = (text: string) => Deno.stderr.writeSync(encoder.encode(`\r${text}\x1b[K`));
  return {
    show(text) {
      if (!terminal || performance.now() - last < 50) return;
      last = performance.now();
      shown = true;
      write(text.slice(0, columns() - 1)); // a line that wraps could not be written over
    },
    clear() {
      if (shown) write("");
      shown = false;
    },
  };
}

/** Width of the terminal. */
function columns(): number {
  try {
    return Deno.consoleSize().columns || 80;
  } catch {
    return 80;
  }
}

/** All of standard input. */
export async function readStdin(): Promise<string> {
  return await new Response(Deno.stdin.readable).text();
}

/** Runs a command and ends the process: 0 when it returns, 2 for a {@linkcode UsageError}, 1 for any other error. */
export async function runCommand(name: string, command: (args: readonly string[]) => Promise<number>): Promise<never> {
  try {
    Deno.exit(await command(Deno.args));
  } catch (error) {
    const usage = error instanceof UsageError, message = error instanceof Error ? error.message : String(error);
    note(`${name}: ${message.split("\n")[0]}${usage ? `\nSee ${name} --help.` : ""}`);
    Deno.exit(usage ? 2 : 1);
  }
}
