/** What the parent and its children say to each other, one JSON object a line, and what a runner has to be. */
import type { Case } from "./cases.ts";

/** What a rate counts. */
export type Unit = "GFLOP/s" | "tokens/s" | "GB/s";

/** How many tokens are looked at where rounding may mix up the likeliest. */
export const LIKELY = 8;

/** Evidence that a case computes what it should; the parent judges it. */
export interface Evidence {
  /** Largest error of a product at the places looked at, relative to what its sums add up. */
  readonly error?: number;
  /** Tokens that a model thinks likeliest next: after the prompt, or one after another. */
  readonly tokens?: readonly number[];
  /** The {@linkcode LIKELY} likeliest after the prompt, in any order: where no one is a clear favourite. */
  readonly likely?: readonly number[];
  /** Logarithm of the probability of the first of them. */
  readonly logprob?: number;
}

/** A case that can be measured again and again. */
export interface Prepared {
  /** Found once, before anything is measured. */
  readonly evidence: Evidence;
  /** Computes for about `seconds` and returns how fast it was. */
  measure(seconds: number): Promise<Partial<Record<Unit, number>>>;
  /** Frees what it holds. */
  close(): void;
}

/** An implementation, started. */
export interface Runner {
  /** Name and version, for people. */
  readonly about: string;
  /** Makes a case ready. */
  prepare(c: Case): Promise<Prepared>;
}

/** What a runner module exports as `start`. */
export type Start = (threads: number) => Promise<Runner>;

/** From the parent. */
export type Command =
  | { readonly do: "prepare"; readonly case: Case }
  | { readonly do: "measure"; readonly seconds: number };

/** The first line of a child. */
export interface Ready {
  /** See {@linkcode Runner}. */
  readonly about: string;
}

/** Answer to `prepare`. */
export interface Checked {
  /** See {@linkcode Prepared}. */
  readonly evidence: Evidence;
}

/** Answer to `measure`. */
export interface Measured {
  /** Rates by unit. */
  readonly values: Readonly<Partial<Record<Unit, number>>>;
  /** Processors that the child kept busy, on average: shows whether its threads are real. */
  readonly cpus: number;
}

/** Answer to anything that went wrong. */
export interface Failed {
  /** The error, one line. */
  readonly failed: string;
}
