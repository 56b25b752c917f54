/** Ways to damage files, for the fuzz tests. */
import fc from "fast-check";

/** A way to damage a file. Places are given as shares of its length, so that they suit any file. */
export const damage = fc.oneof(
  fc.record({ kind: fc.constant("flip" as const), at: place(), bit: fc.nat(7) }),
  fc.record({ kind: fc.constant("cut" as const), at: place() }),
  fc.record({ kind: fc.constant("write" as const), at: place(), bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }) }),
  fc.record({
    kind: fc.constant("insert" as const),
    at: place(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 9 }),
  }),
  fc.record({ kind: fc.constant("remove" as const), at: place(), count: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant("digit" as const), nth: fc.nat(200), digit: fc.constantFrom(...'0123456789-e."]{') }),
);
/** One of them. */
export type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

/** Mostly near the beginning, where headers are. */
function place(): fc.Arbitrary<number> {
  return fc.double({ min: 0, max: 1, noNaN: true }).map((v) => v ** 3);
}

/** A damaged copy of `file`. */
export function apply(file: Uint8Array<ArrayBuffer>, d: Damage): Uint8Array<ArrayBuffer> {
  if (d.kind === "digit") {
    const digits = [...file.keys()].filter((i) => file[i] >= 48 && file[i] <= 57), copy = file.slice();
    if (digits.length) copy[digits[d.nth % digits.length]] = d.digit.charCodeAt(0);
    return copy;
  }
  const at = Math.floor(d.at * file.length);
  if (d.kind === "cut") return file.slice(0, at);
  if (d.kind === "insert") return Uint8Array.from([...file.subarray(0, at), ...d.bytes, ...file.subarray(at)]);
  if (d.kind === "remove") return Uint8Array.from([...file.subarray(0, at), ...file.subarray(at + d.count)]);
  const copy = file.slice();
  if (d.kind === "flip") copy[at] ^= 1 << d.bit;
  else copy.set(d.bytes.subarray(0, copy.length - at), at);
  return copy;
}
