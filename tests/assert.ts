/**
 * The functions of `@std/assert` that the tests use, with their types: the package is mapped to a copy on npm that has
 * none.
 */
// deno-lint-ignore no-explicit-any
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

import * as untyped from "@std/assert";

/** Fails unless `condition` is truthy. */
export const assert: (condition: unknown, message?: string) => asserts condition = untyped.assert;
/** Fails unless both are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, message?: string) => void = untyped.assertEquals;
/** Fails unless `actual` matches the pattern. */
export const assertMatch: (actual: string, expected: RegExp, message?: string) => void = untyped.assertMatch;
/** Fails unless `actual` contains `expected`. */
export const assertStringIncludes: (actual: string, expected: string, message?: string) => void =
  untyped.assertStringIncludes;
/** Fails unless `f` throws an `E` whose message contains `part`; returns it. */
export const assertThrows: <E extends Error>(f: () => unknown, kind: ErrorClass<E>, part?: string) => E =
  untyped.assertThrows;
/** Fails unless `f` rejects with an `E` whose message contains `part`; returns it. */
export const assertRejects: <E extends Error>(
  f: () => PromiseLike<unknown>,
  kind: ErrorClass<E>,
  part?: string,
) => Promise<E> = untyped.assertRejects;
