/**
 * The one function of `@std/cli` that the commands use, with its type: the package is mapped to a copy on npm that has
 * none.
 */
import { parseArgs as untyped } from "@std/cli/parse-args";

/** How {@linkcode parseArgs} reads flags. */
export interface ParseOptions {
  /** Flags that have a text as their value. */
  readonly string?: readonly string[];
  /** Flags that are given or not. */
  readonly boolean?: readonly string[];
  /** Flags whose values are collected in a list. */
  readonly collect?: readonly string[];
  /** Called for arguments that are not flags, and flags that are not named above. */
  readonly unknown?: (argument: string, key?: string, value?: unknown) => unknown;
}

/** Parses a command line. */
export const parseArgs: (args: readonly string[], options: ParseOptions) => Record<string, unknown> = untyped;
