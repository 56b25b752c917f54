import { backendFlag } from "./backend.ts";
import { amount, type Flag, text, texts, toggle, type Values, word } from "./flags.ts";

const component = "name|json";

/** Numbers with commas between. */
function numbers(value: string, help: string, whole = false): Flag<readonly number[]> & { value: string } {
  return {
    value,
    help,
    parse(t) {
      const list = t.split(",").map((part) => part.trim() ? Number(part) : NaN);
      if (list.every((n) => whole ? Number.isSafeInteger(n) : Number.isFinite(n))) return list;
      throw `${whole ? "whole numbers" : "numbers"} with commas between`;
    },
  };
}

/** How many seeds; or which, where there are commas: `7,` is the seed 7 alone. */
function seeds(value: string, help: string): Flag<number | readonly number[]> & { value: string } {
  const list = numbers(value, help, true);
  const parse = (t: string) => t.includes(",") ? list.parse(t.replace(/,\s*$/, "")) : list.parse(t)[0];
  return { value, help, parse };
}

/** The flags of ablate.ts. */
export const ablateFlags = {
  study: text("file.json", "the ablation as JSON, see --schema; flags go before what it says"),
  data: texts(
    "path",
    "text to learn from: a file or a folder of .txt and .md files, may be repeated (default: stories)",
  ),
  task: text("name", "or a synthetic task: copy, reverse, sort, associativeRecall, induction, modularAddition, dyck"),
  base: text("name|file.json", "what to compare with: vaswani, gpt2, llama, or a model's config without vocab"),
  to: text("name", "preset to go to from that of the base, one component at a time"),
  vary: texts("path=a,b", "what to change: norm=layerNorm,rmsNorm or dim=64,128; may be repeated"),
  mode: word(
    ["one-at-a-time", "path", "factorial"],
    "each change alone (default), on top of those before, or all with all",
  ),
  dim: amount("n", "width of the base (default 64, of a task its own)", { min: 1 }),
  depth: amount("n", "its blocks (default 2, of a task its own number)", { min: 1 }),
  heads: amount("n", "its attention heads (default 4, of a task its own number)", { min: 1 }),
  context: amount("n", "tokens that models see at once (default 64, of a task as many as it needs)", { min: 1 }),
  init: text(
    component,
    "initial weights: normal, xavier, kaiming, t5, smallInit (default: as base or task says, or normal)",
  ),
  seeds: seeds("n|n,n", "how many trainings of each arm (default 3), or with which seeds: 1,2,7; of --aa how many"),
  steps: amount("n", "steps of every training (default 300, of a task its own number)", { min: 1 }),
  flops: amount("x", "or floating-point operations of every training, 1e12: cheaper arms make more steps", {
    above: 0,
    real: true,
  }),
  seconds: amount("x", "or its time: steps are timed first, and their numbers are then fixed", {
    above: 0,
    real: true,
  }),
  match: word(["parameters", "flops", "none"], "make all arms the size of the base (default none)"),
  "match-path": text("path", "the number that is chosen for that (default feedForward.hidden)"),
  batch: amount("n", "sequences in a step (default 16, of a task its own number)", { min: 1 }),
  lr: amount("x", "the largest learning rate (default 0.002, of a task its own)", { above: 0, real: true }),
  warmup: amount("x", "share of the steps in which it rises to that (default 0.05)", { min: 0, max: 1, real: true }),
  schedule: text(component, 'cosine (default), linear, constant, inverseSqrt, wsd: \'{"type":"cosine","floor":0}\''),
  optimizer: text(component, 'adamW (default), muon, lion, sgd, adafactor: \'{"type":"adamW","decay":0}\''),
  clip: amount("x", "shorten gradients to this norm, 0 for never (default 1)", { min: 0, real: true }),
  dropout: amount("x", "share of embeddings, attention probabilities and what layers add that is dropped (default 0)", {
    min: 0,
    max: 0.99,
    real: true,
  }),
  sweep: numbers("x,x", "learning rates that every arm tries before it is compared: 1e-3,2e-3,4e-3"),
  tokenizer: text(component, "characters, bytes, byteLevelBpe (default: by size of data)"),
  validation: amount("x", "share of the data held back (default 0.1, less of more than 5 MB)", {
    above: 0,
    max: 0.9,
    real: true,
  }),
  evaluations: amount("n", "evaluations of each training, the last one at its end (default 5)", { min: 1 }),
  extrapolate: numbers("n,n", "evaluate trained models on so many times their context too: 1,2,4,8; text alone", true),
  target: amount("x", "loss (of a task, share of right answers) whose time is told (default: what the base ends at)", {
    real: true,
  }),
  detect: amount("x", "smallest difference that would matter (default 0.01 nats, of a task 0.05 of the answers)", {
    above: 0,
    real: true,
  }),
  sd: amount("x", "print how many seeds show --detect where single runs have this standard deviation, and stop", {
    above: 0,
    real: true,
  }),
  alpha: amount("x", "largest chance of finding a difference where there is none (default 0.05)", {
    above: 0,
    max: 0.5,
    real: true,
  }),
  "skip-costs": toggle("do not measure speed and memory"),
  aa: amount("n", "instead, compare the base with itself n times: how many false differences are found", { min: 2 }),
  out: text("folder", "where everything goes (default ablation)"),
  backend: backendFlag,
  jobs: amount("n", "trainings side by side; results do not depend on it (default: one for each thread, 1 on webgpu)", {
    min: 1,
    max: 1024,
  }),
  threads: amount("n", "threads of all trainings together (default: as many as the machine has)", {
    min: 1,
    max: 1024,
  }),
  simd: word(["relaxed", "baseline"], "baseline: the same weights on every machine (default: the faster)"),
  use: texts("module", "add the components and plugins that a module exports: ./mine.ts, jsr:@me/norms"),
  "save-every": amount("x", "seconds between checkpoints of a training (default 60)", { above: 0, real: true }),
  plan: toggle(
    "print arms, sizes, how long it will take and, once there are results, the seeds that --detect needs",
  ),
  schema: toggle("print the JSON Schema of --study, for editors, and stop"),
  quiet: toggle("no progress, only the result"),
  json: toggle("the result as JSON on standard output"),
  help: toggle("print this"),
};

/** What was given. */
export type AblateGiven = Values<typeof ablateFlags>;
