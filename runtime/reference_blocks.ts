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
      const type = w.dtype as BlockType, quantized = activations === "q8" ? quantizeRows(a, k) : undefined;
      for (let j = 0; j < n; j++) {
        const integers = Float64Array.from({ length: k }, (_, i) => blockInteger(b, type, k, j, i));
        const scales = Float64Array.from(
          { length: Math.ceil(k / BLOCK) },
          (_, i) => blockScale(b, type, k, j, BLOCK * i),
        );
        const values = integers.map((q, i) => f(q * scales[Math.floor(i / BLOCK)]));
        for (let r = 0; r < rowsOf(x); r++) {
          let sum = c ? c[j] : 0;
          if (!quantized) { for (let i = 0; i < k; i++) sum += a[r * k + i] * values[i]; }
          else {
            for (let block = 0; block < scales.length; block++) {
              let whole = 0;
              const end = Math.min(k, (block + 1) * BLOCK);
              for (let i = block * BLOCK; i < end; i++) whole += quantized.integers[r * k + i] * integers[i];
              sum += whole * f(quantized.scales[r * scales.length + block] * scales[block]);
            }
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

/** `q = round(x · 127/max|x|)` and the scale `max|x|/127` of each block of each row, rounded as in f32, halves to even. */
function quantizeRows(x: Float32Array, k: number): { integers: Float64Array; scales: Float64Array } {
  const f = Math.fround, scales: number[] = [], integers = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += k) {
    for (let from = row; from < row + k; from += BLOCK) {
      const block = x.subarray(from, Math.min(from + BLOCK, row + k));
      const most = block.reduce((a, v) => Math.max(a, Math.abs(v)), 0), factor = most > 1e-30 ? f(127 / most) : 0;
      scales.push(f(most / 127));
      block.forEach((v, i) => integers[from + i] = halfToEven(f(v * factor)) || 0); // NaN: its scale carries it
    }
  }
  return { integers, scales: Float64Array.from(scales) };
}

function halfToEven(x: number): number {
  const down = Math.floor(x), rest = x - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}
