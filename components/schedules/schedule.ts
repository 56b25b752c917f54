/** What a schedule is for. */
export interface ScheduleContext {
  /** Steps of the whole training, counted from 1. */
  readonly steps: number;
  /** The first of them, in which the learning rate rises from 0 in a line; it is reached at step `warmup`. */
  readonly warmup: number;
  /** The largest learning rate. */
  readonly learningRate: number;
}

/** How the learning rate changes. */
export interface Schedule {
  /** The learning rate of step `step`, from 1. */
  at(step: number): number;
}

/** `learningRate · step / warmup` during the warm-up, then `learningRate · share(step)`. */
export function afterWarmup(
  { warmup, learningRate }: ScheduleContext,
  share: (step: number) => number,
): Schedule {
  return { at: (step) => learningRate * (step < warmup ? step / warmup : share(step)) };
}

/** How far `step` is from `first` (0) to `last` (1). */
export function progress(step: number, first: number, last: number): number {
  if (step <= first) return 0;
  return step >= last ? 1 : (step - first) / (last - first);
}
