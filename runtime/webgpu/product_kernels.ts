import { blockVectorShaders } from "../../kernels/wgsl/block_vector.ts";
import { addPartsShader, gradWShaders, gradXShaders, matmulShaders } from "../../kernels/wgsl/products.ts";
import { VECTOR_ROWS, vectorShaders } from "../../kernels/wgsl/vector_product.ts";
import type { Kernels } from "../kernels.ts";
import { storedSize } from "../optimizer_kernels.ts";
import { dimOf, panelsOf, rowsOf, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";
import { panelSlices, panelsOfType, rowsFrom, storedAs } from "./parts.ts";
import { chooseTile } from "./tiling.ts";

/** Panels from which on four share a workgroup: there are enough of them to fill a GPU. */
const MANY_PANELS = 1024;
/** Most partial sums of a gradient, each as large as it. */
const MOST_PARTS = 32;

/** Matrix products. Weights that exceed a binding are cut into panels, other tensors into rows. */
export function productKernels(gpu: Gpu): Pick<Kernels, "matmul" | "matmulGradX" | "matmulGradW"> {
  /** Columns `first …` of `out`, those of the panels `w`. */
  function columns(out: Tensor, x: Tensor, w: Tensor, first: number, bias: Tensor | undefined): void {
    const m = rowsOf(x), [n, k] = w.shape, stride = dimOf(out), tensors = { out, x, w, bias }, stored = panelsOfType(w);
    if (m <= VECTOR_ROWS) {
      const panels = panelsOf(n) >= MANY_PANELS ? 4 : 1, groups = Math.ceil(panelsOf(n) / panels);
      const shader = stored === "f32" || stored === "f16" ? vectorShaders[stored] : blockVectorShaders[stored];
      gpu.run(shader, tensors, { n, k, stride, first }, groups, m, panels);
      return;
    }
    const { name, groups, ...args } = chooseTile(m, n, k);
    gpu.run(matmulShaders[stored][name], tensors, { ...args, m, n, stride, first }, groups);
  }

  /** `dw +=` (or, if not `add`, `=`) what rows `first …` of it are of `gᵀ · x`. */
  function contribute(dw: Tensor, g: Tensor, x: Tensor, first: number, add: boolean): void {
    const [n, k] = dw.shape, stride = dimOf(g), panels = dw.layout === "panels", size = storedSize(dw);
    const [down, across] = panels ? [k, n] : [n, k];
    const [{ count: most }] = gpu.slices(MOST_PARTS, 4 * size, 1);
    const { name, groups, parts, ...args } = chooseTile(down, across, rowsOf(x), most);
    const all = { ...args, n, k, stride, first, size }, shader = gradWShaders[name];
    if (parts === 1) return gpu.run(shader, { dw, g, x }, all, groups, panels, add);
    // Few tiles: the rows are shared by several workgroups, whose sums are added in order.
    gpu.briefly(() => {
      const sums = gpu.temp([parts, size]);
      gpu.run(shader, { dw: sums, g, x }, all, groups, panels, false);
      gpu.runFlat(addPartsShader, size, { out: dw }, { parts: sums }, { size, number: parts }, add);
    });
  }

  return {
    matmul(out, x, w, bias) {
      for (const { first, count } of gpu.slices(rowsOf(x), 4 * Math.max(...w.shape))) {
        for (const part of panelSlices(gpu, w)) {
          columns(rowsFrom(out, first, count), rowsFrom(x, first, count), part.w, part.first, bias);
        }
      }
    },
    matmulGradX(dx, g, w) {
      const k = dimOf(w), stride = dimOf(g);
      for (const rows of gpu.slices(rowsOf(g), 4 * Math.max(...w.shape))) {
        const [d, some] = [dx, g].map((t) => rowsFrom(t, rows.first, rows.count));
        for (const { first, count, w: part } of panelSlices(gpu, w)) {
          const { name, groups, ...tiling } = chooseTile(rows.count, k, count);
          const args = { ...tiling, m: rows.count, k, stride, first }, shader = gradXShaders[storedAs(w)][name];
          const add = !dx.empty || first > 0;
          gpu.run(shader, { dx: d, g: some, w: part }, args, groups, w.layout === "panels", add);
        }
      }
    },
    matmulGradW(dw, g, x) {
      for (const rows of gpu.slices(rowsOf(x), 4 * Math.max(...dw.shape))) {
        const [some, inputs] = [g, x].map((t) => rowsFrom(t, rows.first, rows.count));
        for (const { first, w } of panelSlices(gpu, dw)) {
          contribute(w, some, inputs, first, !dw.empty || rows.first > 0);
        }
      }
    },
  };
}
