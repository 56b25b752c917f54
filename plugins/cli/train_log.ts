import { writeTextAtomic } from "../../model/data/token_file.ts";
import { CheckpointError } from "../../model/source.ts";
import type { Evaluation, StepReport } from "../../model/trainer.ts";
import { lossPlot } from "../report/loss_plot.ts";

/** A line of `metrics.jsonl` about a step. */
export interface StepLine extends StepReport {
  /** Tokens seen so far. */
  readonly tokens: number;
  /** Since the training began, breaks left out. */
  readonly seconds: number;
}

/** A line of `metrics.jsonl` about an evaluation. */
export interface EvaluationLine {
  /** After which it was made. */
  readonly step: number;
  /** Mean loss over all that was held back, in nats for each token. */
  readonly validation: number;
  /** The same for each byte of text, in bits. */
  readonly bitsPerByte: number;
  /** Since the training began, breaks left out. */
  readonly seconds: number;
}

/** `metrics.jsonl`, the same as `metrics.csv`, and `loss.svg`. */
export interface TrainLog extends Disposable {
  /** What was logged of steps. */
  readonly steps: readonly StepLine[];
  /** What was logged of evaluations. */
  readonly evaluations: readonly EvaluationLine[];
  /** Appends a line. */
  add(line: StepLine | EvaluationLine): void;
  /** Brings every line to the disk, and makes table and picture anew. */
  save(): void;
}

/**
 * The log in a folder, as it was after `step`: lines after it are dropped, and one that was not finished. Throws a
 * {@linkcode CheckpointError} where it cannot be written.
 */
export function openLog(folder: string, step: number, title: string): TrainLog {
  const path = `${folder}/metrics.jsonl`;
  const attempt = <T>(f: () => T): T => {
    try {
      return f();
    } catch (error) {
      throw new CheckpointError(`Cannot write ${path}: ${(error as Error).message}`, { cause: error });
    }
  };
  const steps: StepLine[] = [], evaluations: EvaluationLine[] = [];
  const keep = (line: StepLine | EvaluationLine) => "loss" in line ? steps.push(line) : evaluations.push(line);
  const kept = readLines(path).filter(({ line }) => line.step <= step);
  for (const { line } of kept) keep(line);
  attempt(() => writeTextAtomic(path, kept.map(({ text }) => `${text}\n`).join("")));
  const file = attempt(() => Deno.openSync(path, { append: true })), encoder = new TextEncoder();
  return {
    steps,
    evaluations,
    add(line) {
      const bytes = encoder.encode(`${JSON.stringify(line)}\n`);
      attempt(() => {
        for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      });
      keep(line);
    },
    save() {
      attempt(() => file.syncSync());
      const validation = evaluations.map(({ step, validation }) => ({ step, loss: validation }));
      attempt(() => writeTextAtomic(`${folder}/metrics.csv`, table(steps, evaluations)));
      attempt(() => writeTextAtomic(`${folder}/loss.svg`, lossPlot({ title, training: steps, validation })));
    },
    [Symbol.dispose]: () => file.close(),
  };
}

const COLUMNS = ["step", "loss", "norm", "learningRate", "tokens", "validation", "bitsPerByte", "seconds"] as const;

/** One row for each step, what an evaluation after it found beside it. */
function table(steps: readonly StepLine[], evaluations: readonly EvaluationLine[]): string {
  const rows = new Map<number, Partial<StepLine & EvaluationLine>>();
  for (const line of [...steps, ...evaluations]) rows.set(line.step, { ...rows.get(line.step), ...line });
  const sorted = [...rows.values()].sort((a, b) => a.step! - b.step!);
  return [COLUMNS, ...sorted.map((row) => COLUMNS.map((name) => row[name] ?? ""))].map((c) => `${c.join(",")}\n`).join(
    "",
  );
}

function readLines(path: string): { text: string; line: StepLine | EvaluationLine }[] {
  let all: string;
  try {
    all = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw new CheckpointError(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  return all.split("\n").flatMap((text) => {
    try {
      const line = JSON.parse(text);
      return typeof line?.step === "number" ? [{ text, line }] : [];
    } catch {
      return []; // the end of a file that was being written to, or nothing
    }
  });
}

/** Bits for each byte of a text from its mean loss in nats for each of its tokens. */
export function bitsPerByte({ loss }: Pick<Evaluation, "loss">, text: { tokens: number; bytes: number }): number {
  return loss * text.tokens / text.bytes / Math.LN2;
}

/** `[#####·······] 48%  step 720/1,500  loss 1.734  13,204 tokens/s  2:35 left`. */
export function progressLine(
  { step, steps, loss, rate, left }: { step: number; steps: number; loss: number; rate: number; left: number },
): string {
  const n = (value: number) => value.toLocaleString("en-US"), cells = 12, full = Math.floor(cells * step / steps);
  const bar = "#".repeat(full) + "·".repeat(cells - full), percent = Math.floor(100 * step / steps);
  return `[${bar}] ${percent}%  step ${n(step)}/${n(steps)}  loss ${loss.toFixed(3)}  ${
    n(Math.round(rate))
  } tokens/s  ` +
    `${duration(left)} left`;
}

/** `2:05`, or `1:02:05`. */
export function duration(seconds: number): string {
  const all = Math.max(0, Math.round(seconds)), two = (value: number) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(all / 3600), Math.floor(all / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}
