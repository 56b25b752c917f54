import { gatherShader } from "../../kernels/wgsl/gather.ts";
import type { Kernels } from "../kernels.ts";
import { dimOf, size, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";

/** Kernels of embeddings. */
export function embeddingKernels(gpu: Gpu): Pick<Kernels, "gather"> {
  return {
    gather(out, table, ids) {
      const dim = dimOf(table), panels = table.layout === "panels", total = size(ids.shape) * dim;
      for (const { first, count } of gpu.slices(table.shape[0], 4 * dim)) {
        const part: Tensor = { ...table, ptr: table.ptr + 4 * first * dim, shape: [count, dim] };
        gpu.run(gatherShader, { out, table: part, ids }, { total, dim, first, count }, Math.ceil(total / 256), panels);
      }
    },
  };
}
