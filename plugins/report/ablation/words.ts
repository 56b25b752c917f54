import type { Study } from "../../../model/ablation/study.ts";
import { clock, counted, listed, pValue, ranges, scaled, signed, whole } from "../numbers.ts";
import type { ComparisonFacts, Facts } from "./facts.ts";

/** Something that is to be known of an ablation, for a list of terms. */
export interface Fact {
  /** `Budget`. */
  readonly term: string;
  /** Sentences. */
  readonly text: string;
}

/** What was found, in sentences. An arm is called better or worse where its verdict says so, and nowhere else. */
export function headline(facts: Facts): string[] {
  const { comparisons, against, metric, outcome } = facts;
  if (!comparisons.length) return ["There is one arm alone, so nothing is compared."];
  const of = (kind: ComparisonFacts["kind"]) => comparisons.filter((c) => c.kind === kind);
  const names = (list: readonly ComparisonFacts[]) => listed(list.map((c) => c.name));
  const better = of("better"), worse = of("worse"), none = of("no difference shown");
  const named = (c: ComparisonFacts) => `${c.arm} is better than ${c.against}: ${effect(c, facts)}.`;
  const none_ = `No difference shown: ${names(none)}.`;
  const said = (c: ComparisonFacts) => `${c.name} (${c.words.replace(/^not tested: /, "")})`;
  return [
    ...(better.length ? better.map(named) : [
      `In ${metric.label}, no ${outcome.study.mode === "path" ? "step" : "arm"} is shown to be better than ${against}.`,
    ]),
    ...(worse.length ? [`Worse: ${listed(worse.map((c) => `${c.name} (${signed(c.mean, metric.digits)})`))}.`] : []),
    ...(none.length ? [none_] : []),
    ...(of("diverged").length ? [`Diverged: ${listed(of("diverged").map(said))}.`] : []),
    ...(of("untested").length ? [`Not tested: ${listed(of("untested").map(said))}.`] : []),
  ];
}

function effect({ mean, interval, adjusted }: ComparisonFacts, { metric: { digits, differenceUnit } }: Facts): string {
  const range = interval ? `95 % interval ${signed(interval[0], digits)} to ${signed(interval[1], digits)}, ` : "";
  const p = pValue(adjusted);
  return `${signed(mean, digits)} ${differenceUnit} (${range}adjusted p ${p.startsWith("<") ? p : `= ${p}`})`;
}

const modes: Readonly<Record<Study["mode"], string>> = {
  "one-at-a-time": "each arm is the base with one change, and is compared with it",
  path: "each arm adds one change to the arm before it and is compared with that, the last one with the base as well",
  factorial: "every combination of the changes, each compared with the base",
};

/** What was compared, and how. */
export function setup(facts: Facts): Fact[] {
  const { arms, metric, contexts, outcome: { study, data, machine, code } } = facts;
  const preset = study.preset === null ? "" : ` The base has the components of ${study.preset}.`;
  const tokens = data.trainTokens === undefined
    ? "as many samples as training takes"
    : `${whole(data.trainTokens)} tokens to train on`;
  const held = data.trainTokens === undefined ? "questions" : "tokens";
  return [
    { term: "Arms", text: `${counted(arms.length, "model")}: ${modes[study.mode]}.${preset}` },
    { term: "Data", text: `${data.describe}; ${tokens}, ${whole(data.validationTokens)} ${held} held back.` },
    {
      term: "Measured",
      text: `${sentence(metric.label)} in ${metric.unit} after the last step, on all that is held back.`,
    },
    { term: "Budget", text: budget(facts) },
    {
      term: "Seeds",
      text:
        `${counted(study.seeds.length, "seed")} (${ranges(study.seeds)}). Runs with the same seed ${
          contexts.length > 1 ? "and the same context " : ""
        }see the same batches ` +
        "in the same order, as far as they go; runs with the same seed begin with the same weights where the shapes agree.",
    },
    { term: "Learning rate", text: learningRates(facts) },
    { term: "Sizes", text: sizes(facts) },
    { term: "Machine", text: `${machine}; Tenon ${code}.` },
  ];
}

function budget({ arms, contexts, outcome: { study } }: Facts): string {
  const steps = arms.map((arm) => arm.arm.training.steps), [least, most] = [Math.min(...steps), Math.max(...steps)];
  const { batch, optimizer, schedule } = study.training;
  const many = least === most ? whole(least) : `${whole(least)} to ${whole(most)}`;
  const each = `${counted(batch, "window")} of ${listed(contexts.map(whole))} tokens`;
  const how = ` Optimizer ${optimizer.type}, schedule ${schedule.type}.`;
  if (study.budget.flops !== undefined) {
    return `${
      scaled(study.budget.flops)
    }FLOP for every arm, three times those of the forward products: ${many} steps of ${each}.${how}`;
  }
  if (study.budget.seconds !== undefined) {
    return `${
      clock(study.budget.seconds)
    } of training for every arm, turned into steps before the first trial: ${many} steps of ` +
      `${each}.${how}`;
  }
  return `${many} steps of ${each} for every arm.${how}`;
}

function learningRates({ arms, outcome: { study } }: Facts): string {
  if (!study.sweep) return `${study.training.learningRate} for every arm, not tuned.`;
  const { learningRates, seeds } = study.sweep, chosen = new Map<number, string[]>();
  for (const { name, arm: { training: { learningRate } } } of arms) {
    chosen.set(learningRate, [...chosen.get(learningRate) ?? [], name]);
  }
  const edge = arms.filter(({ arm }) => arm.sweep?.atEdge).map((arm) => arm.name);
  const all = [...chosen].sort(([a], [b]) => a - b).map(([rate, names]) => `${rate} for ${listed(names)}`).join("; ");
  return `Tuned for each arm among ${listed(learningRates.map(String))} on ${
    counted(seeds, "seed")
  } other than those compared. ` +
    `Chosen: ${all}.` +
    (edge.length ? ` At the edge of what was tried, so that a better one may lie outside: ${listed(edge)}.` : "");
}

function sizes({ arms, outcome: { study } }: Facts): string {
  if (!study.match) return "Not matched: arms differ in parameters and operations as their parts do.";
  const { by, path, tolerance } = study.match, what = by === "parameters" ? "parameters" : "operations per token";
  const resized = arms.filter(({ arm }) => arm.matched).length;
  return `Matched: every arm has the ${what} of ${arms[0].name} within ${
    Number((100 * tolerance).toPrecision(6))
  } %, by the ` +
    `choice of ${path}${resized ? ` for ${counted(resized, "arm")}` : "; none had to be resized"}.`;
}

/** How to read p-values and verdicts. */
export function statistics({ outcome: { study, comparisons }, metric }: Facts): string {
  const tests = [
    ...new Set(comparisons.flatMap(({ difference }) => difference?.p === undefined ? [] : [difference.test])),
  ];
  if (!tests.length) return "Nothing was tested: that takes two runs of an arm and of what it is compared with.";
  const test = listed(tests.map((t) => t === "paired t test" ? "a paired t test over the runs of the same seed" : t));
  const detect = metric.scale === 1
    ? `${study.detect} ${metric.unit}`
    : `${study.detect} (${Number((metric.scale * study.detect).toPrecision(6))} ${metric.differenceUnit})`;
  return `Differences are tested by ${test}, two-sided, and the p-values adjusted for all ${comparisons.length} comparisons by ` +
    `Holm's procedure: an arm is called better or worse only where the adjusted p is at most ${study.alpha}. Intervals hold 95 % ` +
    `for one comparison alone and may leave out zero where no difference is shown. The difference that would matter was set to ` +
    `${detect}; where none is shown, the verdict says how many seeds would find that much with a chance of 80 %, going by the ` +
    `spread of these runs. “No difference shown” is not “equal”.`;
}

/** How costs were taken. */
export function costsNote({ outcome: { study: { target } } }: Facts): string {
  return "Rates are medians, measured without other work, the arms in turn; memory is that of a training step. " +
    `Time to target is the training time until the mean over seeds is as good as ${
      target === null ? "that of the base in the end" : target
    }.`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
