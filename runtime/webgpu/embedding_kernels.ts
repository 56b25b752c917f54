import { argmaxShader } from "../../kernels/wgsl/argmax.ts";
import { gatherBlockShaders, gatherGradShader, gatherShaders } from "../../kernels/wgsl/gather.ts";
import type { Kernels } from "../kernels.ts";
import { dimOf, isBlocks, rowsOf, size, type Tensor } from "../tensor.ts";
import type { Gpu, Slice } from "./gpu.ts";
import { panelSlices, rowsFrom, storedAs } from "./parts.ts";

/** Kernels of embeddings, and of what chooses the next token. */
export function embeddingKernels(gpu: Gpu): Pick<Kernels, "gather" | "gatherGrad" | "argmax"> {
  /** Runs `f` on rows of `out` or `g` and the part of a table that either fit into bindings. */
  function parts(
    rows: Tensor,
    table: Tensor,
    ids: Tensor,
    f: (rows: Tensor, table: Tensor, ids: Tensor, where: Slice) => void,
  ): void {
    for (const { first, count } of gpu.slices(size(ids.shape), 4 * dimOf(table))) {
      for (const part of panelSlices(gpu, table)) {
        const some = rowsFrom(rows, first, count, dimOf(table));
        f(some, part.w, rowsFrom(ids, first, count, 1), { first: part.first, count: part.count });
      }
    }
  }
  return {
    gather(out, table, ids) {
      const dim = dimOf(table), panels = table.layout === "panels";
      parts(out, table, ids, (rows, w, some, where) => {
        const total = size(some.shape) * dim, { dtype } = table;
        if (isBlocks(dtype)) {
          const shader = gatherBlockShaders[dtype], groups = Math.ceil(total / 256);
          return gpu.run(shader, { out: rows, w, ids: some }, { total, dim, ...where }, groups);
        }
        const shader = gatherShaders[storedAs(table)];
        gpu.run(shader, { out: rows, w, ids: some }, { total, dim, ...where }, Math.ceil(total / 256), panels);
      });
    },
    gatherGrad(dtable, g, ids) {
      const dim = dimOf(dtable), panels = dtable.layout === "panels";
      parts(g, dtable, ids, (some, w, which, where) => {
        const rows = size(which.shape);
        gpu.run(gatherGradShader, { dtable: w, g: some, ids: which }, { rows, dim, ...where }, rows, panels);
      });
    },
    argmax(out, x) {
      const n = dimOf(x);
      for (const { first, count } of gpu.slices(rowsOf(x), 4 * n)) {
        gpu.run(argmaxShader, { out: rowsFrom(out, first, count, 1), x: rowsFrom(x, first, count) }, { n }, count);
      }
    },
  };
}
