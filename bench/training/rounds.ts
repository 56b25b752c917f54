/** The order of things: everyone starts, makes the same first steps, and is timed in turn. */
import { messageOf } from "../peers/lines.ts";
import { median } from "../peers/measure.ts";
import { Child } from "../peers/process.ts";
import { inTurn } from "../peers/rounds.ts";
import { type Participant, programOf } from "./participants.ts";
import type { Command, Measured, Prepared } from "./protocol.ts";
import { batches, hyper, initialWeights, parameters, type Size } from "./sizes.ts";

/** A participant with some number of threads. */
export interface Who {
  /** Its id. */
  readonly participant: string;
  /** Its threads. */
  readonly threads: number;
}

/** One turn. */
export interface Sample extends Who {
  /** Counts from 0. */
  readonly round: number;
  /** Milliseconds of a step, median of the turn. */
  readonly milliseconds: number;
  /** Steps in the turn. */
  readonly steps: number;
  /** Processors that it kept busy. */
  readonly cpus: number;
}

/** What there is to say about someone beside their times. */
export interface Entry extends Who {
  /** Name and version. */
  readonly about?: string;
  /** Why it could not be started. */
  readonly unavailable?: string;
  /** What went wrong later. */
  readonly failed?: string;
  /** Loss before each of the first steps. */
  readonly losses?: readonly number[];
  /** Largest difference of a loss from the reference's. */
  readonly difference?: number;
  /** Most memory that its process has held, in bytes, where the system says so. */
  readonly peakBytes?: number;
}

/** How a run goes. */
export interface Plan {
  /** Sizes. */
  readonly size: Size;
  /** Who takes part. */
  readonly participants: readonly Participant[];
  /** Numbers of threads, for each of them. */
  readonly threads: readonly number[];
  /** Rounds. */
  readonly rounds: number;
  /** Seconds of a turn. */
  readonly seconds: number;
  /** The interpreter of PyTorch's script. */
  readonly python: string;
  /** Called with what is being done. */
  readonly onProgress: (text: string) => void;
}

/** Everything that a run has found. */
export interface Results {
  /** Every turn. */
  readonly samples: readonly Sample[];
  /** Everyone, in order. */
  readonly entries: readonly Entry[];
}

/** First steps, whose losses are compared: the last of them is that of weights after three steps. */
const CHECKED = 4;
/** A loss may differ from the reference's by this much: far above rounding, below a wrong formula. */
const TOLERANCE = 1e-3;
/** Batches that steps go through. */
const BATCHES = 16;
/** Seconds to wait for an answer: compiling a step, and making some, takes some peers a while. */
const PREPARING = 600, MEASURING = 300;

/** Someone who has started. */
interface Member {
  readonly child: Child;
  readonly label: string;
  entry: Entry;
}

/** Trains with everyone, each in a process of its own. */
export async function runTraining(plan: Plan): Promise<Results> {
  const folder = await Deno.makeTempDir(), weights = `${folder}/weights.f32`, samples: Sample[] = [];
  const members: Member[] = [], entries: (() => Entry)[] = [];
  try {
    await Deno.writeFile(weights, new Uint8Array(initialWeights(plan.size).buffer));
    for (const threads of plan.threads) {
      for (const participant of plan.participants) {
        const member = await startMember(participant, threads, plan);
        if ("child" in member) members.push(member);
        entries.push("child" in member ? () => member.entry : () => member);
      }
    }
    await prepare(members, plan, weights);
    const able = new Set(members.filter((m) => m.entry.failed === undefined));
    const attempt = async (member: Member, turn: () => Promise<void>) => {
      try {
        await turn();
      } catch (error) {
        able.delete(member);
        member.entry = { ...member.entry, failed: messageOf(error) };
      }
    };
    // One round that does not count: engines optimize while they run.
    await inTurn(able, 1, (m) => attempt(m, async () => void await measure(m, plan, "warming up")));
    await inTurn(able, plan.rounds, (m, round) =>
      attempt(m, async () => {
        const { steps, cpus } = await measure(m, plan, `round ${round + 1} of ${plan.rounds}`);
        const { participant, threads } = m.entry;
        samples.push({ participant, threads, round, milliseconds: median(steps), steps: steps.length, cpus });
      }));
    for (const m of able) m.entry = { ...m.entry, ...await peakMemory(m.child) };
    return { samples, entries: entries.map((entry) => entry()) };
  } finally {
    for (const { child } of members) await child.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function startMember(participant: Participant, threads: number, plan: Plan): Promise<Member | Entry> {
  const { id, label } = participant, who = { participant: id, threads };
  plan.onProgress(`starting ${label}, ${threads} threads`);
  try {
    const child = await Child.start(programOf(participant, threads, plan.python));
    return { child, label, entry: { ...who, about: child.about } };
  } catch (error) {
    return { ...who, unavailable: messageOf(error) };
  }
}

function measure({ child, label, entry }: Member, { seconds, onProgress }: Plan, what: string): Promise<Measured> {
  onProgress(`${what}: ${label}, ${entry.threads} threads`);
  const command: Command = { do: "measure", seconds };
  return child.ask<Measured>(command, MEASURING + 10 * seconds);
}

/** Everyone makes the first steps; those whose losses are not the reference's have failed. */
async function prepare(members: readonly Member[], { size, onProgress }: Plan, weights: string): Promise<void> {
  const job = { size, hyper, parameters: parameters(size), batches: batches(size, BATCHES), steps: CHECKED };
  const command: Command = { do: "prepare", ...job, weights };
  for (const m of members) {
    onProgress(`first steps: ${m.label}, ${m.entry.threads} threads`);
    try {
      const { losses } = await m.child.ask<Prepared>(command, PREPARING);
      m.entry = { ...m.entry, losses: losses.map((loss) => loss ?? NaN) }; // JSON has no word for it
    } catch (error) {
      m.entry = { ...m.entry, failed: messageOf(error) };
    }
  }
  // PyTorch's steps are what the others mean to make.
  const done = members.filter((m) => m.entry.losses), finite = done.filter((m) => m.entry.losses!.every(isFinite));
  const reference = finite.find((m) => m.entry.participant === "pytorch") ?? finite[0] ?? done[0];
  for (const m of done) m.entry = { ...m.entry, ...judge(m.entry.losses!, reference) };
}

function judge(losses: readonly number[], { label, entry }: Member): Pick<Entry, "difference" | "failed"> {
  const expected = entry.losses!;
  const differences = expected.map((loss, i) => Math.abs(losses[i] - loss)), difference = Math.max(...differences);
  if (losses.length === CHECKED && difference <= TOLERANCE) return { difference };
  const at = Math.max(0, differences.findIndex((d) => !(d <= TOLERANCE)));
  const failed = `wrong loss: step ${at + 1} begins with ${losses[at]}, ${label}'s with ${expected[at]}`;
  return { difference, failed };
}

async function peakMemory({ pid }: Child): Promise<Pick<Entry, "peakBytes">> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  const found = /^VmHWM:\s*(\d+) kB$/m.exec(status);
  return found ? { peakBytes: 1024 * Number(found[1]) } : {};
}
