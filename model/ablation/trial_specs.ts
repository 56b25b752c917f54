import type { Json } from "../../components/options.ts";
import { breathe } from "../breathe.ts";
import { componentsOf } from "../additions.ts";
import { codeVersion } from "./code_version.ts";
import type { DataSource } from "./learning.ts";
import type { PlannedArm } from "./planned_arms.ts";
import type { TrialHost, TrialSpec } from "./trial.ts";
import { trialKey } from "./trial_key.ts";

/** What trials of all arms have in common. */
export interface TrialSetting {
  /** What they learn from. */
  readonly data: DataSource;
  /** Makes the first steps of each arm, to see what the code does. */
  readonly host: Pick<TrialHost, "runtime" | "components" | "plugins">;
  /** Of the kernels; see {@linkcode codeVersion}. */
  readonly build: string;
  /** Called between arms; may throw to end it. */
  readonly between?: () => void;
}

/** The trials of `arms`: all of the first seed, then all of the second, so that what is there is a comparison early. */
export async function trialSpecs(
  arms: readonly Pick<PlannedArm, "name" | "config" | "training">[],
  seeds: readonly number[],
  { data, host, build, between }: TrialSetting,
): Promise<TrialSpec[]> {
  const parts: Omit<TrialSpec, "key" | "seed">[] = [];
  for (const { name, config, training } of arms) {
    await breathe();
    between?.();
    parts.push({ arm: name, config, training, data, code: await codeVersion({ config, training, data }, host, build) });
  }
  return await Promise.all(seeds.flatMap((seed) =>
    parts.map(async (part): Promise<TrialSpec> => {
      const { config, training, code } = part, budget = training as unknown as Json;
      const key = await trialKey({ config, seed, budget, dataHash: data.hash, codeVersion: code }, componentsOf(host));
      return { key, seed, ...part };
    })
  ));
}
