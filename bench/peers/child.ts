/**
 * A child of peers.ts: one implementation with one number of threads. See serve.ts and protocol.ts.
 *
 *     deno run -A child.ts <implementation> <threads>
 */
import { implementations } from "./implementations.ts";
import type { Command, Prepared, Runner } from "./protocol.ts";
import { processorSeconds, serve, type Server } from "./serve.ts";

/** Milliseconds of preparing after which code is optimized, and to compute once more takes too long. */
const SLOW = 10_000;

function answers(runner: Runner): Server<Command> {
  let prepared: Prepared | undefined;
  return {
    about: runner.about,
    async answer(command) {
      if (command.do === "prepare") {
        prepared?.close();
        prepared = undefined;
        const start = performance.now();
        prepared = await runner.prepare(command.case);
        // Engines optimize while they run, and the first round should be like the others.
        if (performance.now() - start < SLOW) await prepared.measure(0.3);
        return { evidence: prepared.evidence };
      }
      if (!prepared) throw new Error("Cannot measure before a case is prepared");
      const start = performance.now(), before = processorSeconds();
      const values = await prepared.measure(command.seconds);
      return { values, cpus: (processorSeconds() - before) * 1000 / (performance.now() - start) };
    },
  };
}

if (import.meta.main) {
  const [id, threads] = Deno.args;
  await serve(async () => {
    const { load } = implementations.find((i) => i.id === id)!;
    const { start } = await load();
    return answers(await start(Number(threads)));
  });
}
