/** The order of things: which child computes when, so that whatever disturbs the machine disturbs all alike. */
import type { Case } from "./cases.ts";
import type { Implementation } from "./implementations.ts";
import { messageOf } from "./lines.ts";
import { Child } from "./process.ts";
import type { Evidence, Unit } from "./protocol.ts";

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
  /** Called with what is being done. */
  readonly onProgress: (text: string) => void;
}

/** Idle time before each measurement, ms: thread pools of those before spin for a moment. */
const PAUSE = 50;
/** A product may be off by this share of Σ |aᵢ · bᵢ|: far above rounding, far below a mistake. */
const TOLERANCE = 1e-5;
/** A logarithm of a probability may differ by this much: wllama keeps its keys and values in f16. */
const LOG_TOLERANCE = 0.02;

/** Measures `cases` with one child per implementation and number of threads, and adds what it finds to `results`. */
export async function runGroup(
  cases: readonly Case[],
  implementations: readonly Implementation[],
  threadCounts: readonly number[],
  plan: Plan,
  results: Results,
): Promise<void> {
  const children: Child[] = [];
  try {
    for (const threads of threadCounts) {
      for (const implementation of implementations) {
        if (!cases.some((c) => implementation.takes(c))) continue;
        plan.onProgress(`starting ${implementation.label}, ${threads} threads`);
        children.push(await startChild(implementation, threads, results));
      }
    }
    for (const c of cases) await runCase(c, children.filter((child) => child.implementation.takes(c)), plan, results);
  } finally {
    for (const child of children) await child.close();
  }
}

async function startChild(implementation: Implementation, threads: number, results: Results): Promise<Child> {
  const child = await Child.start(implementation, threads), { about, broken } = child;
  const known = results.participants.some((p) => p.implementation === implementation.id && p.threads === threads);
  if (!known || broken !== undefined) {
    const participant = { implementation: implementation.id, threads, about };
    results.participants.push(broken === undefined ? participant : { ...participant, unavailable: broken });
  }
  return child;
}

async function runCase(c: Case, children: readonly Child[], plan: Plan, results: Results): Promise<void> {
  const place = (child: Child) => ({ case: c.name, implementation: child.implementation.id, threads: child.threads });
  const ready = new Set<Child>();
  const attempt = async (child: Child, step: () => Promise<void>) => {
    if (child.broken) return; // reported before
    try {
      await step();
    } catch (error) {
      ready.delete(child);
      results.failures.push({ ...place(child), reason: messageOf(error) });
    }
  };

  let first: Evidence | undefined;
  for (const child of children) {
    plan.onProgress(`${c.name}: preparing ${child.implementation.label}, ${child.threads} threads`);
    await attempt(child, async () => {
      const { evidence } = await child.prepare(c);
      if (child.implementation.role !== "ceiling") {
        first ??= evidence; // Tenon's, which is the first of the implementations
        results.checks.push({ ...place(child), ...judge(evidence, first) });
      }
      ready.add(child);
    });
  }
  for (let round = 0; round < plan.rounds; round++) {
    // Every other round backwards, so that nobody always comes after the same neighbour.
    for (const child of round % 2 ? [...ready].reverse() : [...ready]) {
      plan.onProgress(`${c.name}: round ${round + 1} of ${plan.rounds}, ${child.implementation.label}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      await attempt(child, async () => {
        const { values, cpus } = await child.measure(plan.seconds);
        for (const [unit, value] of Object.entries(values)) {
          results.samples.push({ ...place(child), round, unit: unit as Unit, value, cpus });
        }
      });
    }
  }
}

/** Says how good a result is. Throws if it is wrong. */
function judge({ error, tokens, logprob }: Evidence, first: Evidence): Omit<Check, keyof Place> {
  if (error !== undefined) {
    if (error <= TOLERANCE) return { error };
    throw new Error(`wrong result: its error is ${error.toPrecision(2)}`);
  }
  const expected = first.tokens!, same = tokens!.findIndex((token, i) => token !== expected[i]);
  const agreed = same < 0 ? tokens!.length : same, difference = Math.abs(logprob! - first.logprob!);
  // Rounding may mix up two likely tokens, and whatever follows is another text then; but not at the beginning.
  if (agreed >= Math.min(4, expected.length) && difference <= LOG_TOLERANCE) {
    return { agreed, of: expected.length, difference };
  }
  throw new Error(`wrong result: ${agreed} of ${expected.length} tokens agree, ln p differs by ${difference}`);
}
