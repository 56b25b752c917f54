import { makeInputs, opCases } from "./cases.ts";
import { gradientCases, gradients } from "./op_gradients.ts";
import { assertSameBits, inPieces, runtimeWith } from "./support.ts";

for (const simd of ["baseline", "relaxed"] as const) {
  Deno.test(`a row has the same bytes when panels are read in order, as with weights that fill no cache, ${simd}`, async () => {
    using cached = runtimeWith(simd, inPieces(Infinity)), full = runtimeWith(simd, inPieces(7));
    full.arena().alloc(30 * 2 ** 20);
    for (const opCase of opCases.matmul) {
      const [actual, expected] = await Promise.all(
        [full, cached].map((r) => r.scope(() => r.read(opCase.run(r, ...makeInputs(r, opCase))))),
      );
      assertSameBits(actual, expected, `matmul ${opCase.name} in order`);
    }
  });

  Deno.test(`any split of any kernel's range gives the same bytes, ${simd}`, async () => {
    using whole = runtimeWith(simd, inPieces(Infinity));
    for (const elements of [1, 2, 3, 5, 16]) {
      using split = runtimeWith(simd, inPieces(elements));
      for (const [op, cases] of Object.entries(opCases)) {
        for (const opCase of cases) {
          const [actual, expected] = await Promise.all(
            [split, whole].map((r) => r.scope(() => r.read(opCase.run(r, ...makeInputs(r, opCase))))),
          );
          assertSameBits(actual, expected, `${op} ${opCase.name} in pieces of ${elements}`);
        }
      }
      for (const [op, opCase] of gradientCases) {
        const [actual, expected] = await Promise.all([split, whole].map((r) => gradients(r, opCase)));
        assertSameBits(actual, expected, `gradient of ${op} ${opCase.name} in pieces of ${elements}`);
      }
    }
  });
}
