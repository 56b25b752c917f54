import { backendFlag } from "./backend.ts";
import { amount, text, texts, toggle, type Values, word } from "./flags.ts";

const component = "name|json";

/** The flags of train.ts. */
export const trainFlags = {
  data: texts(
    "path",
    "text to learn from: a UTF-8 file or a folder of .txt and .md files; may be given more than once",
  ),
  out: text("folder", "where everything goes (default: the name of the data with -model)"),
  resume: toggle("go on with the training in --out as if it had never stopped; begins it where nothing is saved yet"),
  steps: amount("n", "steps to train for", { min: 1 }),
  minutes: amount("x", "or as many as fit: a few are timed first, and the number is then fixed (default 5)", {
    above: 0,
    real: true,
  }),
  config: text("file", "the model as JSON, vocab and context may be left out (default: a Llama of 0.8 million)"),
  tokenizer: text(
    `${component}|file`,
    "characters, bytes, byteLevelBpe, or a tokenizer.json (default: by size of data)",
  ),
  context: amount("n", "tokens that the model sees at once (default 128)", { min: 1 }),
  batch: amount("n", "sequences that are computed at once (default 16)", { min: 1 }),
  accumulate: amount("n", "batches whose gradients make one step (default 1)", { min: 1 }),
  lr: amount("x", "the largest learning rate (default 0.002)", { min: 0, real: true }),
  warmup: amount("n", "steps in which it rises to that (default: a twentieth of all)", { min: 0 }),
  schedule: text(component, 'cosine, linear, constant, inverseSqrt, wsd: \'{"type":"cosine","floor":0}\''),
  optimizer: text(component, 'adamW, muon, lion, sgd, adafactor: \'{"type":"adamW","decay":0}\''),
  clip: amount("x", "shorten gradients to this norm, 0 for never (default 1)", { min: 0, real: true }),
  dropout: amount("x", "share of embeddings, attention probabilities and what layers add that is dropped (default 0)", {
    min: 0,
    max: 0.99,
    real: true,
  }),
  smoothing: amount("x", "label smoothing (default 0)", { min: 0, max: 0.99, real: true }),
  "z-loss": amount("x", "weight of the squared log of the softmax's sum (default 0)", { min: 0, real: true }),
  init: text(component, "how weights start: normal, xavier, kaiming, t5, smallInit (default: as the config says)"),
  order: word(["random", "epoch"], "windows anywhere, or side by side, each once in an epoch (default random)"),
  validation: amount("x", "share of the data held back (default 0.1, less of more than 5 MB)", {
    min: 0,
    max: 0.99,
    real: true,
  }),
  "eval-every": amount("n", "steps between evaluations (default: a tenth of all, more if evaluations take long)", {
    min: 1,
  }),
  "save-every": amount("n", "steps between checkpoints (default: at evaluations and every two minutes)", { min: 1 }),
  seed: amount("n", "decides weights, batches and dropout (default 0)"),
  recompute: toggle("compute blocks again on the way back: less memory, more time, the same weights"),
  backend: backendFlag,
  threads: amount("n", "default: as many as the machine has; the weights are the same for any number", {
    min: 1,
    max: 1024,
  }),
  simd: word(["relaxed", "baseline"], "baseline: the same weights on every machine (default: the faster)"),
  use: texts("module", "add the components and plugins that a module exports: ./mine.ts, jsr:@me/norms"),
  quiet: toggle("no progress, only the result"),
  json: toggle("the lines of metrics.jsonl on standard output, then a summary"),
  help: toggle("print this"),
};

/** What was given. */
export type Given = Values<typeof trainFlags>;
