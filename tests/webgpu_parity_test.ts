/** Every kernel in WGSL against the reference: forward, and gradients where a case has one. */
import { assertEquals } from "./assert.ts";
import { makeInputs, opCases } from "./cases.ts";
import { gradientCases, gradients } from "./op_gradients.ts";
import { assertClose, variants } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

const [reference] = variants;
/** One op alone, for working on it: `TENON_OP=matmul deno test …`. */
const only = Deno.env.get("TENON_OP");
const chosen = <T>(entries: [string, T][]) => entries.filter(([op]) => !only || op === only);

for (const [op, cases] of chosen(Object.entries(opCases))) {
  Deno.test({
    name: `${op} is the reference's on WebGPU`,
    ignore: !hasWebgpu,
    async fn() {
      using rt = await webgpuRuntime(), oracle = await reference.open();
      for (const opCase of cases) {
        const [actual, expected] = await Promise.all(
          [rt, oracle].map((r) => r.scope(() => r.read(opCase.run(r, ...makeInputs(r, opCase))))),
        );
        assertClose(actual, expected, opCase.tolerance, `${op} ${opCase.name}`);
      }
    },
  });
}

for (const op of new Set(chosen(gradientCases).map(([op]) => op))) {
  Deno.test({
    name: `the gradient of ${op} is the reference's on WebGPU, added or written`,
    ignore: !hasWebgpu,
    async fn() {
      using rt = await webgpuRuntime(), oracle = await reference.open();
      for (const [, opCase] of gradientCases.filter(([name]) => name === op)) {
        const [actual, expected] = await Promise.all([rt, oracle].map((r) => gradients(r, opCase)));
        assertClose(actual, expected, 10 * opCase.tolerance, `${op} ${opCase.name}`);
        assertEquals(await gradients(rt, opCase, NaN), actual, `${op} ${opCase.name}`);
      }
    },
  });
}
