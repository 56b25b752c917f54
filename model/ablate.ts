import type { AblateOptions } from "./ablation/ablate.ts";
import type { AblationOutcome } from "./ablation/outcome.ts";
import type { StudyDefinition } from "./ablation/study_definition.ts";

/**
 * Trains every variant of a base under the same budget, with several seeds, and says what may be said of their
 * differences. Everything that has been computed is kept in `folder`: a second call with more seeds or arms runs what is
 * new, one that was interrupted goes on. What it is made of is `@tenon/tenon/ablation`, which is loaded when this is first
 * called; `@tenon/tenon/report` makes a page of what it returns.
 *
 * Needs permission to read and write there. Throws a `TypeError` that names the field for a definition that is wrong, a
 * `CheckpointError` for a folder that cannot be used, the reason of `signal` if it is aborted.
 *
 * @example
 * ```ts
 * import { ablate } from "@tenon/tenon";
 *
 * const { comparisons } = await ablate({
 *   base: { dim: 16, depth: 1, heads: 2, norm: "layerNorm" },
 *   vary: { norm: ["rmsNorm"], feedForward: ["relu", { type: "geglu", hidden: 40 }] },
 *   data: "copy", // a task; or a path, such as "book.txt"
 *   seeds: 2,
 *   budget: { steps: 5 },
 *   costs: false,
 * }, { folder: Deno.makeTempDirSync(), jobs: 1 });
 * for (const { arm, words } of comparisons) console.log(arm, words);
 * ```
 */
export async function ablate(definition: StudyDefinition, options: AblateOptions): Promise<AblationOutcome> {
  const engine = await import("./ablation/ablate.ts");
  return await engine.ablate(definition, options);
}
