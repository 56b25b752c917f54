import fc from "fast-check";
import { newKeyValueCache } from "../runtime/key_value_cache.ts";
import { makeInputs, type OpCase, opCases } from "./cases.ts";
import { assert } from "./assert.ts";
import { assertClose, uniformTensor, variants, wasmVariants } from "./support.ts";

const [reference] = variants;
const all = Object.entries(opCases).flatMap(([op, cases]) => cases.map((c): [string, OpCase] => [op, c]));

for (const variant of wasmVariants) {
  Deno.test(`every op case gives the reference's numbers on ${variant.name}`, async () => {
    using rt = await variant.open(), oracle = await reference.open();
    for (const [op, opCase] of all) {
      const [actual, expected] = await Promise.all(
        [rt, oracle].map((r) => r.scope(() => r.read(opCase.run(r, ...makeInputs(r, opCase))))),
      );
      assertClose(actual, expected, opCase.tolerance, `${op} ${opCase.name}`);
    }
  });

  Deno.test(`matmul and attention of any shape give the reference's numbers on ${variant.name}`, async () => {
    using rt = await variant.open(), oracle = await reference.open();
    const size = (max: number) => fc.integer({ min: 1, max });
    await fc.assert(
      fc.asyncProperty(size(20), size(70), size(40), fc.boolean(), async (m, k, n, bias) => {
        const [actual, expected] = await Promise.all([rt, oracle].map((r) =>
          r.scope(() => {
            const [x, w, b] = [[m, k], [n, k], [n]].map((shape, i) => uniformTensor(r, shape, i));
            return r.read(r.ops.matmul(x, w, bias ? b : undefined));
          })
        ));
        assertClose(actual, expected, 2e-5, `matmul ${m}×${k}×${n}`);
      }),
      { seed: 1, numRuns: 150 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          batch: size(2),
          time: size(80),
          kvHeads: size(3),
          group: size(4),
          headDim: size(20),
          start: fc.nat(90),
          window: fc.nat(100),
        }),
        async ({ batch, time, kvHeads, group, headDim, start, window }) => {
          const [actual, expected] = await Promise.all([rt, oracle].map((r) =>
            r.scope(() => {
              const cache = newKeyValueCache((s) => r.temp(s), batch, kvHeads, headDim, start + time);
              const past = (seed: number) => uniformTensor(r, [batch, start, kvHeads, headDim], seed);
              if (start) r.kernels.append(cache, past(4), past(5), 0);
              const [k, v] = [1, 2].map((seed) => uniformTensor(r, [batch, time, kvHeads, headDim], seed));
              const q = uniformTensor(r, [batch, time, kvHeads * group, headDim], 3);
              return r.read(r.ops.attention(q, k, v, { start, scale: headDim ** -0.5, window }, cache));
            })
          ));
          assertClose(actual, expected, 5e-6, "attention");
        },
      ),
      { seed: 1, numRuns: 80 },
    );
  });
}

Deno.test("every kernel has a case in the table", () => {
  for (const [op, cases] of Object.entries(opCases)) assert(cases.length, `${op} has no case`);
});
