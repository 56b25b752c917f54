import { blockInteger, blockScale, blockValue } from "./blocks.ts";
import type { Activations, Kernels } from "./kernels.ts";
import type { View } from "./reference_math.ts";
import { BLOCK, type BlockType, bytesOf, dimOf, rowsOf, size, type Tensor } from "./tensor.ts";

/** Kernels for weights in blocks: integers exact within a block, sums of blocks in f64. */
export function referenceBlocks(
  memory: WebAssembly.Memory,
  f32: View,
  activations: Activations,
): Pick<Kernels, "matmul" | "gather" | "unpack"> {
  const view = (t: Tensor) => new DataView(memory.buffer, t.ptr, bytesOf(t)), f = Math.fround;
  return {
    matmul(out, x, w, bias) {
      const [o, a, b, c] = [f32(out), f32(x), view(w), bias && f32(bias)], [n, k] = w.shape;
      const type = w.dtype as BlockType;
      for (let r = 0; r < rowsOf(x); r++) {
        const row = a.subarray(r * k, (r + 1) * k), quantized = quantizeRow(row);
        for (let j = 0; j < n; j++) {
          let sum = c ? c[j] : 0;
          for (let from = 0; from < k; from += BLOCK) {
            const end = Math.min(k, from + BLOCK), { q, scale } = quantized[from / BLOCK];
            let whole = 0;
            for (let i = from; i < end; i++) {
              if (activations === "f32") sum += row[i] * blockValue(b, type, k, j, i);
              else whole += q[i - from] * blockInteger(b, type, k, j, i);
            }
            if (activations === "q8") sum += whole * f(scale * blockScale(b, type, k, j, from));
          }
          o[r * n + j] = sum;
        }
      }
    },
    gather(out, table, ids) {
      const [o, w] = [f32(out), view(table)], id = new Int32Array(memory.buffer, ids.ptr, size(ids.shape));
      const k = dimOf(table), type = table.dtype as BlockType;
      for (let r = 0; r < id.length; r++) {
        for (let i = 0; i < k; i++) o[r * k + i] = blockValue(w, type, k, id[r], i);
      }
    },
    unpack(out, x) {
      const [o, w] = [f32(out), view(x)], [n, k] = x.shape, type = x.dtype as BlockType;
      for (let r = 0; r < n; r++) for (let i = 0; i < k; i++) o[r * k + i] = blockValue(w, type, k, r, i);
    },
  };
}

/** `q = round(x · 127/max|x|)` and the scale `max|x|/127` for each block of a row, rounded as in f32, halves to even. */
function quantizeRow(row: Float32Array): { q: number[]; scale: number }[] {
  const f = Math.fround, blocks = [];
  for (let from = 0; from < row.length; from += BLOCK) {
    const x = row.subarray(from, from + BLOCK), most = x.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
    const factor = most > 1e-30 ? f(127 / most) : 0;
    blocks.push({ q: Array.from(x, (v) => halfToEven(f(v * factor)) || 0), scale: f(most / 127) });
  }
  return blocks;
}

function halfToEven(x: number): number {
  const down = Math.floor(x), rest = x - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}
