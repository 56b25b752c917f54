import { packShaders, packTransposedShaders, unpackShaders, widenShader } from "../../kernels/wgsl/layouts.ts";
import type { Kernels } from "../kernels.ts";
import { dimOf, elementBytesOf, PANEL, panelBytes, panelsOf, rowsOf, size, type Tensor } from "../tensor.ts";
import type { Gpu } from "./gpu.ts";
import { panelSlices, panelsOfType, rowsFrom, storedAs } from "./parts.ts";

/** Panels of which a part begins where a binding can: 64 of them, however deep and in 16 bits, too. */
const GRAIN = 64;

/** Kernels that move weights from one layout to another. Panels may be f16. */
export function layoutKernels(gpu: Gpu): Pick<Kernels, "widen" | "pack" | "packTransposed" | "unpack"> {
  return {
    widen(out, x) {
      const total = size(x.shape);
      for (const words of gpu.slices(Math.ceil(total / 2), 8)) {
        const first = 2 * words.first, count = Math.min(total - first, 2 * words.count);
        const part = (t: Tensor): Tensor => ({ ...t, ptr: t.ptr + first * elementBytesOf(t), shape: [count] });
        gpu.run(widenShader, { out: part(out), x: part(x) }, { count }, Math.ceil(count / 512), x.dtype === "bf16");
      }
    },
    pack(out, x, first) {
      const k = dimOf(x), rows = rowsOf(x), bytes = panelBytes(k, out.dtype);
      // Panels are bound from where a binding can begin: `skip` panels before the first that is written.
      const from = Math.floor(first / PANEL / GRAIN) * GRAIN, skip = first / PANEL - from;
      const last = Math.min(first / PANEL + panelsOf(rows), panelsOf(out.shape[0]));
      for (const slice of gpu.slices(last - from, 4 * PANEL * k, GRAIN)) {
        const at = (from + slice.first) * PANEL, unused = slice.first ? 0 : skip, panels = slice.count - unused;
        const begin = at + unused * PANEL - first, count = Math.min(rows - begin, panels * PANEL);
        const part: Tensor = { ...out, ptr: out.ptr + at / PANEL * bytes, shape: [slice.count * PANEL, k] };
        gpu.run(
          packShaders[storedAs(out)],
          { out: part, x: rowsFrom(x, begin, count) },
          { count: panels * k * 2, k, rows: count, skip: unused },
          Math.ceil(panels * k * 2 / 256),
        );
      }
    },
    packTransposed(out, x, first) {
      const [n, k] = out.shape;
      for (const slice of gpu.slices(x.shape[0], 4 * n)) {
        for (const part of panelSlices(gpu, out)) {
          const count = panelsOf(part.count) * slice.count * 2;
          gpu.run(
            packTransposedShaders[storedAs(out)],
            { out: part.w, x: rowsFrom(x, slice.first, slice.count) },
            { count, columns: slice.count, n, k, first: first + slice.first, column: part.first },
            Math.ceil(count / 256),
          );
        }
      }
    },
    unpack(out, x) {
      const [n, k] = x.shape, bytes = panelBytes(k, x.dtype);
      for (const slice of gpu.slices(panelsOf(n), 4 * PANEL * k)) {
        const first = slice.first * PANEL, rows = Math.min(n - first, slice.count * PANEL), count = slice.count * k * 2;
        const w: Tensor = { ...x, ptr: x.ptr + slice.first * bytes, shape: [rows, k] };
        const args = { count, k, rows };
        gpu.run(unpackShaders[panelsOfType(x)], { out: rowsFrom(out, first, rows), w }, args, Math.ceil(count / 256));
      }
    },
  };
}
