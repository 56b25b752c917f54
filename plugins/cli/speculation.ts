import type { Model } from "../../model/decoder.ts";
import type { GenerateOptions } from "../../model/generator.ts";

/** What `--speculate` asks for, and what came of it. */
export interface Speculator extends Disposable {
  /** For `generate`. */
  readonly options: Pick<GenerateOptions, "speculation" | "onSpeculation">;
  /** Tokens so far, for summaries; nothing where nobody speculates. */
  readonly totals: { proposed?: number; accepted?: number };
  /** What there is to say after `tokens` generated tokens. */
  lines(tokens: number): string[];
}

/** What a `--speculate` of `given` needs: nothing, `lookup`, or a draft model that `load` finds at that path. */
export async function speculator(
  given: string | undefined,
  load: (path: string) => Promise<{ readonly model: Model }>,
): Promise<Speculator> {
  if (given === undefined) return { options: {}, totals: {}, lines: () => [], [Symbol.dispose]() {} };
  const draft = given === "lookup" ? given : (await load(given)).model, totals = { proposed: 0, accepted: 0 };
  return {
    options: {
      speculation: { draft },
      onSpeculation({ proposed, accepted }) {
        totals.proposed += proposed;
        totals.accepted += accepted;
      },
    },
    totals,
    lines: (tokens) => [
      `speculation: ${totals.accepted} of ${totals.proposed} proposed tokens accepted, ` +
      `${(tokens / Math.max(1, tokens - totals.accepted)).toFixed(2)} tokens a pass`,
    ],
    [Symbol.dispose]: () => draft !== "lookup" && draft.close(),
  };
}
