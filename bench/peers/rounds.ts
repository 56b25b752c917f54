/** The order of things: which child computes when, so that whatever disturbs the machine disturbs all alike. */
import { type Case, weightsOf } from "./cases.ts";
import type { Implementation } from "./implementations.ts";
import { messageOf } from "./lines.ts";
import { Child, denoProgram } from "./process.ts";
import type { Checked, Command, Evidence, Measured, Unit } from "./protocol.ts";

/** Who computes what. */
export interface Place {
  /** Name of the case. */
  readonly case: string;
  /** Id of the implementation. */
  readonly implementation: string;
  /** Its threads. */
  readonly threads: number;
}

/** One measurement. */
export interface Sample extends Place {
  /** Counts from 0. */
  readonly round: number;
  /** What `value` counts. */
  readonly unit: Unit;
  /** The rate. */
  readonly value: number;
  /** Processors that it kept busy. */
  readonly cpus: number;
}

/** What a case's check found: for a product its error, for a model how far it agrees with Tenon. */
export interface Check extends Place {
  /** Largest error of a product, as a share of Σ |aᵢ · bᵢ|. */
  readonly error?: number;
  /** Tokens in which two models agree, from the first one on, out of `of`. */
  readonly agreed?: number;
  /** Tokens compared. */
  readonly of?: number;
  /** Difference of the logarithms of the first token's probability. */
  readonly difference?: number;
}

/** A case that an implementation did not get through. */
export interface Failure extends Place {
  /** What happened. */
  readonly reason: string;
}

/** An implementation that takes part, or cannot. */
export interface Participant extends Omit<Place, "case"> {
  /** Its name and version, or nothing. */
  readonly about: string;
  /** Why it is not available; absent if it is. */
  readonly unavailable?: string;
}

/** Everything that a run has found so far. */
export interface Results {
  /** Every measurement. */
  readonly samples: Sample[];
  /** Everyone asked to take part. */
  readonly participants: Participant[];
  /** What went wrong. */
  readonly failures: Failure[];
  /** What was checked. */
  readonly checks: Check[];
}

/** How a run goes. */
export interface Plan {
  /** Rounds of each case. */
  readonly rounds: number;
  /** Seconds of each measurement. */
  readonly seconds: number;
  /** Seconds in which everyone has to be ready for a case, its model loaded; who is not has failed. */
  readonly patience: number;
  /** Called with what is being done. */
  readonly onProgress: (text: string) => void;
}

/** Seconds to wait for a measurement, beside its own. */
const MEASURING = 120;
/** Idle time before each measurement, ms: thread pools of those before spin for a moment. */
const PAUSE = 50;
/** A product may be off by this share of Σ |aᵢ · bᵢ|: far above rounding, far below a mistake. */
const TOLERANCE = 1e-5;
/** The same where activations are taken in 8 bits. */
const BLOCK_TOLERANCE = 3e-3;
/** A logarithm of a probability may differ by this much: wllama keeps its keys and values in f16. */
const LOG_TOLERANCE = 0.02;
/** The same where weights are in blocks: each takes activations in 8 bits in its own way. */
const BLOCK_LOG_TOLERANCE = 0.3;

/** An implementation with some number of threads, started. */
interface Member {
  readonly implementation: Implementation;
  readonly threads: number;
  readonly child: Child;
}

/** Measures `cases` with one child per implementation and number of threads, and adds what it finds to `results`. */
export async function runGroup(
  cases: readonly Case[],
  implementations: readonly Implementation[],
  threadCounts: readonly number[],
  plan: Plan,
  results: Results,
): Promise<void> {
  const members: Member[] = [];
  try {
    for (const threads of threadCounts) {
      for (const implementation of implementations) {
        if (!cases.some((c) => implementation.takes(c))) continue;
        plan.onProgress(`starting ${implementation.label}, ${threads} threads`);
        const member = await startMember(implementation, threads, results);
        if (member) members.push(member);
      }
    }
    for (const c of cases) await runCase(c, members.filter((m) => m.implementation.takes(c)), plan, results);
  } finally {
    for (const { child } of members) await child.close();
  }
}

async function startMember(
  implementation: Implementation,
  threads: number,
  { participants }: Results,
): Promise<Member | undefined> {
  const who = { implementation: implementation.id, threads };
  try {
    const child = await Child.start(
      denoProgram(new URL("./child.ts", import.meta.url), who.implementation, `${threads}`),
    );
    const known = participants.some((p) => p.implementation === who.implementation && p.threads === threads);
    if (!known) participants.push({ ...who, about: child.about });
    return { implementation, threads, child };
  } catch (error) {
    participants.push({ ...who, about: "", unavailable: messageOf(error) });
    return undefined;
  }
}

/** Rounds in which all have a turn, each after a pause; those that are gone from `members` meanwhile have none. */
export async function inTurn<T>(
  members: ReadonlySet<T>,
  rounds: number,
  turn: (member: T, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    // Every other round backwards, so that nobody always comes after the same neighbour.
    for (const member of round % 2 ? [...members].reverse() : [...members]) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      await turn(member, round);
    }
  }
}

async function runCase(c: Case, members: readonly Member[], plan: Plan, results: Results): Promise<void> {
  const place = (m: Member) => ({ case: c.name, implementation: m.implementation.id, threads: m.threads });
  const ready = new Set<Member>();
  const attempt = async (member: Member, step: () => Promise<void>) => {
    if (member.child.broken) return; // reported before
    try {
      await step();
    } catch (error) {
      ready.delete(member);
      results.failures.push({ ...place(member), reason: messageOf(error) });
    }
  };
  const ask = <T>({ child }: Member, command: Command, seconds: number) => child.ask<T>(command, seconds);

  let first: Evidence | undefined;
  for (const member of members) {
    plan.onProgress(`${c.name}: preparing ${member.implementation.label}, ${member.threads} threads`);
    await attempt(member, async () => {
      const { evidence } = await ask<Checked>(member, { do: "prepare", case: c }, plan.patience);
      if (member.implementation.role !== "ceiling") {
        first ??= evidence; // Tenon's, which is the first of the implementations
        results.checks.push({
          ...place(member),
          ...judge(evidence, first, weightsOf(c) !== "f32"),
        });
      }
      ready.add(member);
    });
  }
  await inTurn(ready, plan.rounds, async (member, round) => {
    plan.onProgress(`${c.name}: round ${round + 1} of ${plan.rounds}, ${member.implementation.label}`);
    await attempt(member, async () => {
      const limit = MEASURING + 10 * plan.seconds;
      const { values, cpus } = await ask<Measured>(member, { do: "measure", seconds: plan.seconds }, limit);
      for (const [unit, value] of Object.entries(values)) {
        results.samples.push({ ...place(member), round, unit: unit as Unit, value, cpus });
      }
    });
  });
}

/** Says how good a result is. Throws if it is wrong. */
function judge(
  { error, tokens, likely, logprob }: Evidence,
  first: Evidence,
  blocks: boolean,
): Omit<Check, keyof Place> {
  if (error !== undefined) {
    if (error <= (blocks ? BLOCK_TOLERANCE : TOLERANCE)) return { error };
    throw new Error(`wrong result: its error is ${error.toPrecision(2)}`);
  }
  const expected = first.tokens!, same = tokens!.findIndex((token, i) => token !== expected[i]);
  const agreed = same < 0 ? tokens!.length : same, difference = Math.abs(logprob! - first.logprob!);
  // Rounding may mix up two likely tokens, and whatever follows is another text then; but not at the beginning, unless
  // weights are in blocks: then one more of the likeliest is enough.
  const alike = blocks ? likely!.includes(expected[0]) : agreed >= Math.min(4, expected.length);
  if (alike && difference <= (blocks ? BLOCK_LOG_TOLERANCE : LOG_TOLERANCE)) {
    return { agreed, of: expected.length, difference };
  }
  throw new Error(`wrong result: ${agreed} of ${expected.length} tokens agree, ln p differs by ${difference}`);
}
