import { breathe } from "./breathe.ts";
import { evaluationWindows } from "./data/batches.ts";
import type { TokenFile } from "./data/token_file.ts";
import type { Model } from "./decoder.ts";
import type { Evaluation } from "./trainer.ts";

/** How a long evaluation is watched. */
export interface EvaluationWatch {
  /** Ends it early once it says so. */
  stop?(): boolean;
  /** Is told what share is done. */
  progress?(share: number): void;
}

/** Options of {@linkcode evaluateTokens}. */
export interface EvaluateTokensOptions extends EvaluationWatch {
  /** Windows that are computed at once; the result does not depend on it. Default: about 4,096 tokens. */
  readonly rows?: number;
}

/**
 * The mean loss over all of `tokens`, in windows of the model's context side by side; see {@linkcode evaluationWindows}.
 * `undefined` once `stop` says so.
 */
export async function evaluateTokens(
  model: Model,
  tokens: TokenFile,
  { rows, stop, progress }: EvaluateTokensOptions = {},
): Promise<Evaluation | undefined> {
  const { runtime, config: { context } } = model, last = tokens.length - 1;
  let total = 0, done = 0;
  for (
    const { inputs, targets } of evaluationWindows(tokens, context, rows ?? Math.max(1, Math.floor(4096 / context)))
  ) {
    const losses = await runtime.scope(() =>
      runtime.read(runtime.ops.crossEntropy(model.forward(inputs, { batch: inputs.length / context }), targets))
    );
    for (const loss of losses) total += loss;
    done = Math.min(last, done + inputs.length);
    progress?.(done / last);
    await breathe();
    if (stop?.()) return undefined;
  }
  return { loss: total / last, tokens: last };
}
