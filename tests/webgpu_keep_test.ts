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
