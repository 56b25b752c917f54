/** The side of a child: commands come on standard input, answers go to standard output, one JSON object a line. */
import { cpuUsage } from "node:process";
import { messageOf, splitLines } from "./lines.ts";

/** What answers commands `C`. */
export interface Server<C> {
  /** Name and version, for people: the first answer. */
  readonly about: string;
  /** What it answers to a command. */
  answer(command: C): Promise<object>;
}

const encoder = new TextEncoder();

function write(object: object): void {
  const bytes = encoder.encode(JSON.stringify(object) + "\n");
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

/** Processor seconds of this process so far, all its threads together. */
export function processorSeconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}

/** Answers commands until there are no more, and ends the process. */
export async function serve<C>(start: () => Promise<Server<C>>): Promise<never> {
  // Standard output is for answers; what a peer has to say goes to standard error.
  console.log = console.info = console.debug = console.error;
  try {
    const server = await start();
    write({ about: server.about });
    for await (const line of splitLines(Deno.stdin.readable)) {
      try {
        write(await server.answer(JSON.parse(line) as C));
      } catch (error) {
        write({ failed: messageOf(error) });
      }
    }
  } catch (error) {
    write({ failed: messageOf(error) });
  }
  Deno.exit(0); // peers leave workers behind
}
