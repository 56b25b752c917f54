/**
 * A child of peers.ts: one implementation with one number of threads.
 *
 *     deno run -A child.ts <implementation> <threads>
 *
 * Commands come on standard input, answers go to standard output, one JSON object a line; see protocol.ts. It ends when
 * its input does.
 */
import { cpuUsage } from "node:process";
import { implementations } from "./implementations.ts";
import { messageOf, splitLines } from "./lines.ts";
import type { Command, Prepared, Runner } from "./protocol.ts";

const encoder = new TextEncoder();

function answer(object: unknown): void {
  const bytes = encoder.encode(JSON.stringify(object) + "\n");
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

/** Processor seconds of this process so far, all its threads together. */
function processorSeconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}

async function serve(runner: Runner): Promise<void> {
  let prepared: Prepared | undefined;
  for await (const line of splitLines(Deno.stdin.readable)) {
    const command = JSON.parse(line) as Command;
    try {
      if (command.do === "prepare") {
        prepared?.close();
        prepared = undefined;
        prepared = await runner.prepare(command.case);
        await prepared.measure(0.3); // engines optimize while they run: the first round should be like the others
        answer({ evidence: prepared.evidence });
      } else {
        if (!prepared) throw new Error("Cannot measure before a case is prepared");
        const start = performance.now(), before = processorSeconds();
        const values = await prepared.measure(command.seconds);
        answer({ values, cpus: (processorSeconds() - before) * 1000 / (performance.now() - start) });
      }
    } catch (error) {
      answer({ failed: messageOf(error) });
    }
  }
}

if (import.meta.main) {
  // Standard output is for answers; what a peer has to say goes to standard error.
  console.log = console.info = console.debug = console.error;
  const [id, threads] = Deno.args;
  try {
    const { load } = implementations.find((i) => i.id === id)!;
    const { start } = await load();
    const runner = await start(Number(threads));
    answer({ about: runner.about });
    await serve(runner);
  } catch (error) {
    answer({ failed: messageOf(error) });
  }
  Deno.exit(0); // peers leave workers behind
}
