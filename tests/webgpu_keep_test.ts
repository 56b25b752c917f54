/** What a scope leaves on a GPU. */
import { assertEquals } from "./assert.ts";
import { uniform } from "./support.ts";
import { hasWebgpu, webgpuRuntime } from "./webgpu.ts";

Deno.test({
  name: "Runtime.keep gives the result of a scope however much of its memory it overlaps",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime();
    for (const before of [0, 1, 700, 3000]) {
      const values = uniform(1536, before);
      const kept = rt.scope(() =>
        rt.read(rt.keep(() => {
          rt.temp([before]);
          return rt.tensor([1536], values);
        }))
      );
      assertEquals(await kept, values, `after ${before}`);
    }
  },
});

Deno.test({
  name: "tensors that begin at the same place are bound as far as the longest reaches",
  ignore: !hasWebgpu,
  async fn() {
    using rt = await webgpuRuntime();
    const w = rt.tensor([2, 2], [1, 2, 3, 4]), g = { ...w, shape: [1, 2] }, dx = rt.tensor([1, 2], [0, 0]);
    rt.kernels.matmulGradX(dx, g, w);
    assertEquals(await rt.read(dx), Float32Array.of(1 + 2 * 3, 2 + 2 * 4));
  },
});
