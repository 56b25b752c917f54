import type { Json } from "../components/options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Tensor } from "../runtime/tensor.ts";
import type { Model } from "./decoder.ts";
import type { StoredTensor, TensorToStore } from "./format.ts";
import { expectJson } from "./json.ts";
import { readSafetensors } from "./safetensors.ts";
import { safetensorsPieces } from "./safetensors_writer.ts";
import { jsonPieces, openSink, type Sink } from "./sink.ts";
import { CheckpointError, openSource, readJson, type Source } from "./source.ts";
import type { Trainer } from "./trainer.ts";

const TENSORS = "training.safetensors", STATE = "training.json";
/** Version of the files that is written, and the only one that is read. */
const VERSION = 1;
/** How many differences a message names. */
const NAMED = 4;

/** Where a training run stands. */
export interface TrainingState {
  /** Steps taken. */
  readonly step: number;
  /** Everything else that is not a tensor: seed, options, best loss, hash of the data. */
  readonly info: { readonly [key: string]: Json };
}

/**
 * Writes where a run stands: its tensors (parameters and what the optimizer keeps, under names of the caller's choice) to
 * `training.safetensors`, row-major f32 whatever their layout, the rest to `training.json`. `to` is a folder, or an open
 * sink, which stays open and uncommitted. To keep a model and its state together, write both to one sink; see
 * {@linkcode saveStep}.
 *
 * Throws a {@linkcode CheckpointError} that names path and cause, and a `TypeError` for what JSON cannot hold.
 */
export async function saveTrainingState(
  to: string | Sink,
  { step, info, tensors }: TrainingState & { readonly tensors: ReadonlyMap<string, Tensor> },
  runtime: Runtime,
): Promise<void> {
  if (!Number.isSafeInteger(step) || step < 0) {
    throw new RangeError(`Cannot save step ${step}, expected a whole number from 0`);
  }
  expectJson("info", info);
  const stored = new Map([...tensors].map(([name, tensor]): [string, TensorToStore] => {
    if (tensor.dtype !== "f32") throw new TypeError(`Cannot save ${name}: its type is ${tensor.dtype}, expected f32`);
    return [name, { shape: tensor.shape, pieces: () => runtime.pieces(tensor) }];
  }));
  const sink = typeof to === "string" ? openSink(to) : to;
  try {
    await sink.write(TENSORS, safetensorsPieces(stored));
    await sink.write(STATE, jsonPieces({ version: VERSION, step, info }));
    if (typeof to === "string") sink.commit();
  } finally {
    if (typeof to === "string") sink.close();
  }
}

/**
 * Reads back what {@linkcode saveTrainingState} wrote, filling `tensors`. Their names and shapes must be those that were
 * saved; otherwise a {@linkcode CheckpointError} says what differs, and nothing has been changed.
 */
export async function loadTrainingState(
  from: string | Source,
  tensors: ReadonlyMap<string, Tensor>,
  runtime: Runtime,
): Promise<TrainingState> {
  const source = typeof from === "string" ? openSource(from) : from;
  try {
    const state = await readState(source), stored = await readSafetensors(source, TENSORS);
    expectSame(source, stored, tensors);
    for (const [name, tensor] of tensors) await runtime.load(tensor, stored.get(name)!.read, stored.get(name)!);
    return state;
  } finally {
    if (typeof from === "string") source.close();
  }
}

async function readState(source: Source): Promise<TrainingState> {
  for (const file of [STATE, TENSORS]) {
    if (!source.files.includes(file)) throw new CheckpointError(`Cannot resume from ${source.path}: it has no ${file}`);
  }
  const { version, step, info } = await readJson(source, STATE);
  const wrong = (key: string, value: unknown, expected: string) =>
    new CheckpointError(`Cannot read ${STATE}: ${key} is ${JSON.stringify(value)}, expected ${expected}`);
  if (version !== VERSION) throw wrong("version", version, String(VERSION));
  if (!Number.isSafeInteger(step) || (step as number) < 0) throw wrong("step", step, "a whole number from 0");
  if (typeof info !== "object" || info === null || Array.isArray(info)) throw wrong("info", info, "an object");
  return { step: step as number, info: info as TrainingState["info"] };
}

function expectSame(
  source: Source,
  stored: ReadonlyMap<string, StoredTensor>,
  tensors: ReadonlyMap<string, Tensor>,
): void {
  const shown = (shape: readonly number[]) => `[${shape.join(", ")}]`;
  const problems = [...tensors].flatMap(([name, { shape }]) => {
    const other = stored.get(name);
    if (!other) return [`it has no ${name} ${shown(shape)}`];
    return String(other.shape) === String(shape)
      ? []
      : [`its ${name} is ${shown(other.shape)}, this run's is ${shown(shape)}`];
  });
  for (const [name, { shape }] of stored) {
    if (!tensors.has(name)) problems.push(`it has ${name} ${shown(shape)}, this run has not`);
  }
  if (!problems.length) return;
  const more = problems.length > NAMED ? `; and ${problems.length - NAMED} more` : "";
  throw new CheckpointError(
    `Cannot resume from ${source.path}: ${problems.slice(0, NAMED).join("; ")}${more}; expected the same tensors`,
  );
}

/** What a checkpoint of a training must hold: parameters, and what the optimizer remembers. */
export function trainingTensors(
  { params }: Pick<Model, "params">,
  { optimizer }: Pick<Trainer, "optimizer">,
): Map<string, Tensor> {
  return new Map([
    ...[...params].map(([name, { tensor }]): [string, Tensor] => [`model.${name}`, tensor]),
    ...[...optimizer.state].map(([name, tensor]): [string, Tensor] => [`optimizer.${name}`, tensor]),
  ]);
}
