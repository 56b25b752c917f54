/**
 * A child of training.ts: one participant with one number of threads. See protocol.ts.
 *
 *     deno run -A child.ts <participant> <threads>
 */
import { processorSeconds, serve, type Server } from "../peers/serve.ts";
import { participants } from "./participants.ts";
import type { Command, Measured, Prepare, Step, Trainer } from "./protocol.ts";
import { type Batch, namedWeights } from "./sizes.ts";

function answers(trainer: Trainer): Server<Command> {
  let step: Step | undefined, batches: readonly Batch[] = [], done = 0;
  const next = () => step!(batches[done++ % batches.length]);
  return {
    about: trainer.about,
    async answer(command) {
      if (command.do === "measure") return await measure(next, command.seconds);
      step = await build(trainer, command);
      batches = command.batches;
      const losses: number[] = [];
      for (let i = 0; i < command.steps; i++) losses.push(await next());
      return { losses };
    },
  };
}

async function build(trainer: Trainer, { size, hyper, weights }: Prepare): Promise<Step> {
  const bytes = await Deno.readFile(weights);
  return trainer.train({ size, hyper, weights: namedWeights(size, new Float32Array(bytes.buffer)) });
}

async function measure(step: () => number | Promise<number>, seconds: number): Promise<Measured> {
  await step(); // threads wake up within it, and caches fill
  const steps: number[] = [], start = performance.now(), before = processorSeconds();
  let now = start;
  do {
    const begin = now;
    await step();
    steps.push((now = performance.now()) - begin);
  } while (now - start < 1000 * seconds);
  return { steps, cpus: (processorSeconds() - before) * 1000 / (now - start) };
}

if (import.meta.main) {
  const [id, threads] = Deno.args;
  await serve(async () => {
    const { start } = await participants.find((p) => p.id === id)!.load!();
    return answers(await start(Number(threads)));
  });
}
