import { size } from "../../runtime/tensor.ts";
import type { Description } from "../describe.ts";
import { breathe } from "../breathe.ts";
import { meanFlopsPerToken } from "./budgets.ts";
import type { Costs } from "./outcome.ts";
import { type ArmOptions, type CostArm, type OpenArm, openArm, type RateName, trainingMemory } from "./rates.ts";

/** Options of {@linkcode measureCosts}. */
export interface CostOptions extends ArmOptions {
  /** Measurements of each rate, at least 1. Default: 5. */
  readonly rounds?: number;
  /** How long each of them lasts, at least. Default: 0.1. */
  readonly seconds?: number;
  /** Bytes that arms may take together; where they would take more, each is opened anew for its turn. Default: 1 GiB. */
  readonly room?: number;
  /** Is told which share is done, up to 1, and of which arm that was the last part. */
  readonly progress?: (share: number, arm: string) => void;
  /** Asked between measurements; `true` ends them. */
  readonly stop?: () => boolean;
}

/**
 * What each arm costs, in the order of `arms`. Counts follow from the config: FLOPs are the mean of those at the first and
 * at the last position of the context, since attention grows linearly in between (under a window shorter than the context
 * it soon stops growing, and they are more than that).
 *
 * `peakBytes` are those of all tensors at the moment of a training step when they are most: weights, gradients,
 * optimizer state, activations. They are counted, so they are the same every time with the same number of threads, whose
 * workspace they include; what memory is reserved ahead for later tensors is left out.
 *
 * Rates are measured on random tokens: a training step at the real batch size; the prefill of a prompt, 512 tokens at a
 * time; up to 64 single tokens after half a context, with a cache. Each round measures every arm once, in turn, so that
 * what disturbs the machine disturbs all of them; each rate is the median over rounds, of which the first does not count,
 * as V8 compiles what is hot then.
 *
 * Returns `undefined` once `stop` says so. Throws a `RangeError` for options that are wrong.
 */
export async function measureCosts(arms: readonly CostArm[], options: CostOptions = {}): Promise<Costs[] | undefined> {
  const { rounds = 5, seconds = 0.1, room = 2 ** 30, progress = () => {}, stop = () => false } = options;
  expectSettings(arms, rounds, seconds);
  const parts = (rounds + 2) * arms.length;
  let done = 0;
  const step = ({ name }: CostArm) => progress(++done / parts, name);
  const goOn = async () => {
    await breathe();
    return !stop();
  };

  const needs: Awaited<ReturnType<typeof trainingMemory>>[] = [];
  for (const arm of arms) {
    if (!await goOn()) return undefined;
    needs.push(await trainingMemory(arm, options));
    step(arm);
  }
  // A second runtime holds the weights once more.
  const wanted = needs.reduce((sum, need) => sum + need.peakBytes + need.description.bytes, 0);
  using turns = armTurns(arms, options, wanted <= room);
  const found = arms.map((): Record<RateName, number>[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, arm] of arms.entries()) {
      const rates = await turns.take(i, (open) => open.measure(seconds, goOn));
      if (!rates) return undefined;
      if (round) found[i].push(rates);
      step(arm);
    }
  }
  return needs.map(({ description, peakBytes }, i) => ({
    ...counts(description),
    peakBytes,
    trainingRate: median(found[i].map((r) => r.trainingRate)),
    prefillRate: median(found[i].map((r) => r.prefillRate)),
    decodeRate: median(found[i].map((r) => r.decodeRate)),
  }));
}

/** Arms by number, opened when it is their turn; they stay open if `together`. */
interface Turns extends Disposable {
  take<T>(index: number, use: (arm: OpenArm) => Promise<T>): Promise<T>;
}

function armTurns(arms: readonly CostArm[], options: ArmOptions, together: boolean): Turns {
  const open = new Map<number, OpenArm>();
  const close = () => {
    for (const arm of open.values()) arm[Symbol.dispose]();
    open.clear();
  };
  return {
    async take(index, use) {
      const arm = open.get(index) ?? await openArm(arms[index], options);
      open.set(index, arm);
      try {
        return await use(arm);
      } finally {
        if (!together) close();
      }
    },
    [Symbol.dispose]: close,
  };
}

function counts(
  description: Description,
): Pick<Costs, "parameters" | "bodyParameters" | "flopsPerToken" | "cacheBytesPerToken"> {
  const { parameters, params, cacheBytesPerToken } = description;
  const body = params.filter(({ path }) => path !== "embedding.weight" && path !== "head.weight");
  return {
    parameters,
    bodyParameters: body.reduce((sum, { shape }) => sum + size(shape), 0),
    flopsPerToken: meanFlopsPerToken(description),
    cacheBytesPerToken,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

function expectSettings(arms: readonly CostArm[], rounds: number, seconds: number): void {
  const expectCount = (what: string, value: number) => {
    if (Number.isSafeInteger(value) && value > 0) return;
    throw new RangeError(`Cannot measure costs: ${what} is ${value}, expected a whole number from 1`);
  };
  expectCount("rounds", rounds);
  for (const { name, batch } of arms) expectCount(`the batch of ${JSON.stringify(name)}`, batch);
  if (!(seconds >= 0 && seconds < Infinity)) {
    throw new RangeError(`Cannot measure costs: seconds is ${seconds}, expected a number from 0`);
  }
}
