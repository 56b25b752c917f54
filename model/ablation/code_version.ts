import { createSchedule } from "../optimizing.ts";
import { hashWeights } from "../save.ts";
import { VERSION } from "../version.ts";
import { componentsOf } from "../additions.ts";
import { hashJson } from "./trial_key.ts";
import { openLearning } from "./learning.ts";
import { assembleTrial, type TrialHost, type TrialSpec } from "./trial.ts";

/** Steps that are made to see what the code does. */
const STEPS = 2;

/**
 * What tells apart the code that a trial runs on: version, `build` of the kernels (of those that are not WASM's: the
 * backend), and a hash of what it does. For that hash the model of the trial makes two steps with seed 0, and its weights,
 * their losses, the last batch and every learning rate are hashed. So a component of one's own that has changed makes
 * other trials, as does a change in Tenon that moves a bit, or a GPU that rounds differently; one that moves none, a
 * comment say, does not.
 */
export async function codeVersion(
  spec: Pick<TrialSpec, "config" | "training" | "data">,
  host: Pick<TrialHost, "runtime" | "components" | "plugins">,
  build: string,
): Promise<string> {
  const { training, config } = spec, { steps } = training;
  using learning = await openLearning(spec.data, training, { context: config.context, seed: 0 });
  const { model, trainer } = assembleTrial({ ...spec, seed: 0 }, host), seen: unknown[] = [];
  try {
    for (let step = 0; step < Math.min(STEPS, steps); step++) {
      seen.push((await trainer.train([learning.example(step)], learning.batch)).loss);
    }
    seen.push(await hashWeights(model));
  } catch (error) {
    seen.push((error as Error).message);
  } finally {
    trainer.close();
    model.close();
  }
  const { learningRate, warmup, schedule } = training;
  const rates = createSchedule(schedule as never, { steps, warmup, learningRate }, {
    components: componentsOf(host) as never,
  });
  seen.push(Array.from({ length: steps }, (_, i) => rates.at(i + 1)), Array.from(learning.example(steps - 1).inputs));
  const hash = await hashJson("behaviour", seen);
  return `${VERSION} ${build} ${hash.slice(0, 16)}`;
}
