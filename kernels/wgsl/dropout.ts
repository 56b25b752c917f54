import { flatShader } from "./elementwise.ts";

/**
 * An element stays where the word of its index, MurmurHash3's finisher applied twice, is at least the threshold: as in
 * kernels/assembly/random.ts.
 */
const word = `var h = args.first + i;
  for (var turn = 0; turn < 2; turn++) {
    h ^= args.seed;
    h = (h ^ (h >> 16u)) * 0x85ebca6bu;
    h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
    h ^= h >> 16u;
  }`;
const args = { threshold: "u32", keep: "f32", seed: "u32" } as const;

/** `out = keep · x`, or 0 where an element is dropped. */
export const dropoutShader = flatShader("dropout", {
  tensors: { out: "f32", x: "f32" },
  args,
  code: `${word}
  out[i] = select(0.0, args.keep * x[i], h >= args.threshold);`,
});

/** `dx += keep · g` where an element was kept. */
export const dropoutGradShader = flatShader("dropout_grad", {
  tensors: { dx: "f32", g: "f32" },
  args,
  constants: ["EMPTY"],
  code: `${word}
  let d = select(0.0, args.keep * g[i], h >= args.threshold);
  if (EMPTY) { dx[i] = d; } else { dx[i] += d; }`,
});
