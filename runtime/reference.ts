import { attentionReference } from "./reference_attention.ts";
import type { Activations, Kernels } from "./kernels.ts";
import { referenceBlocks } from "./reference_blocks.ts";
import { gradientReference } from "./reference_gradients.ts";
import {
  argmaxRows,
  erf,
  gelu,
  geluTanh,
  logSumExp,
  panelIndex,
  relu,
  sigmoid,
  silu,
  type View,
} from "./reference_math.ts";
import { referenceOptimizers } from "./reference_optimizers.ts";
import { bytesOf, dimOf, isBlocks, PANEL, panelsOf, rowsOf, size, type Tensor } from "./tensor.ts";

/**
 * Kernels in plain TypeScript: short, slow, every sum in f64. The oracle that other backends are tested against, and a
 * backend of its own.
 */
export function referenceKernels(memory: WebAssembly.Memory, activations: Activations = "q8"): Kernels {
  const f32: View = (t) => new Float32Array(memory.buffer, t.ptr, bytesOf(t) / 4);
  const i32 = (t: Tensor) => new Int32Array(memory.buffer, t.ptr, size(t.shape));
  const unary = (f: (x: number) => number) => (out: Tensor, x: Tensor) => {
    const [o, a] = [f32(out), f32(x)];
    for (let i = 0; i < a.length; i++) o[i] = f(a[i]);
  };
  const gated = (f: (x: number) => number) => (out: Tensor, gate: Tensor, up: Tensor) => {
    const [o, g, u] = [f32(out), f32(gate), f32(up)];
    for (let i = 0; i < g.length; i++) o[i] = f(g[i]) * u[i];
  };
  const repeated = (f: (x: number, y: number) => number) => (out: Tensor, x: Tensor, y: Tensor) => {
    const [o, a, b] = [f32(out), f32(x), f32(y)];
    for (let i = 0; i < a.length; i++) o[i] = f(a[i], b[i % b.length]);
  };
  const blocks = referenceBlocks(memory, f32, activations);
  return {
    ...attentionReference(f32, i32),
    ...gradientReference(f32, i32),
    ...referenceOptimizers(f32, panelIndex),
    widen(out, x) {
      const words = new Uint16Array(memory.buffer, x.ptr, size(x.shape)), o = f32(out);
      for (let i = 0; i < o.length; i++) o[i] = x.dtype === "bf16" ? fromBf16(words[i]) : fromF16(words[i]);
    },
    pack(out, x, first) {
      const [o, a] = [f32(out), f32(x)], k = dimOf(x), rows = rowsOf(x);
      const end = Math.min(panelsOf(out.shape[0]) * PANEL, Math.ceil((first + rows) / PANEL) * PANEL);
      for (let r = first; r < end; r++) {
        for (let i = 0; i < k; i++) o[panelIndex(r, i, k)] = r < first + rows ? a[(r - first) * k + i] : 0;
      }
    },
    packTransposed(out, x, first) {
      const [o, a] = [f32(out), f32(x)], [n, k] = out.shape, columns = x.shape[0];
      for (let r = 0; r < panelsOf(n) * PANEL; r++) {
        for (let i = 0; i < columns; i++) o[panelIndex(r, first + i, k)] = r < n ? a[i * n + r] : 0;
      }
    },
    unpack(out, x) {
      if (isBlocks(x.dtype)) return blocks.unpack(out, x);
      const [o, a] = [f32(out), f32(x)], [n, k] = x.shape;
      for (let r = 0; r < n; r++) for (let i = 0; i < k; i++) o[r * k + i] = a[panelIndex(r, i, k)];
    },
    matmul(out, x, w, bias) {
      if (isBlocks(w.dtype)) return blocks.matmul(out, x, w, bias);
      const [o, a, b] = [f32(out), f32(x), f32(w)], [n, k] = w.shape, c = bias && f32(bias);
      for (let r = 0; r < rowsOf(x); r++) {
        for (let j = 0; j < n; j++) {
          let sum = c ? c[j] : 0;
          for (let i = 0; i < k; i++) sum += a[r * k + i] * b[panelIndex(j, i, k)];
          o[r * n + j] = sum;
        }
      }
    },
    gather(out, table, ids) {
      if (isBlocks(table.dtype)) return blocks.gather(out, table, ids);
      const [o, w, id] = [f32(out), f32(table), i32(ids)], c = dimOf(table);
      const at = table.layout === "panels" ? panelIndex : (r: number, i: number) => r * c + i;
      for (let r = 0; r < id.length; r++) for (let i = 0; i < c; i++) o[r * c + i] = w[at(id[r], i, c)];
    },
    argmax: (out, x) => argmaxRows(i32(out), f32(x), dimOf(x)),
    layerNorm(out, x, weight, bias, eps) {
      const [o, a] = [f32(out), f32(x)], c = dimOf(x), w = weight && f32(weight), b = bias && f32(bias);
      for (let r = 0; r < rowsOf(x); r++) {
        const row = a.subarray(r * c, (r + 1) * c);
        let mean = 0, variance = 0;
        for (const v of row) mean += v / c;
        for (const v of row) variance += (v - mean) ** 2 / c;
        const s = 1 / Math.sqrt(variance + eps);
        for (let i = 0; i < c; i++) o[r * c + i] = (row[i] - mean) * s * (w ? w[i] : 1) + (b ? b[i] : 0);
      }
    },
    rmsNorm(out, x, weight, eps) {
      const [o, a] = [f32(out), f32(x)], c = dimOf(x), w = weight && f32(weight);
      for (let r = 0; r < rowsOf(x); r++) {
        const row = a.subarray(r * c, (r + 1) * c);
        let squares = 0;
        for (const v of row) squares += v * v;
        const s = 1 / Math.sqrt(squares / c + eps);
        for (let i = 0; i < c; i++) o[r * c + i] = row[i] * s * (w ? w[i] : 1);
      }
    },
    softmax(out, x) {
      const [o, a] = [f32(out), f32(x)], n = dimOf(x);
      for (let r = 0; r < rowsOf(x); r++) {
        const row = a.subarray(r * n, (r + 1) * n), lse = logSumExp(row);
        for (let i = 0; i < n; i++) o[r * n + i] = Math.exp(row[i] - lse);
      }
    },
    topSoftmax(out, x, count) {
      const [o, a] = [f32(out), f32(x)], n = dimOf(x);
      for (let r = 0; r < rowsOf(x); r++) {
        const row = a.subarray(r * n, (r + 1) * n);
        const largest = Array.from(row.keys()).sort((i, j) => row[j] - row[i] || i - j).slice(0, count);
        const lse = logSumExp(Float32Array.from(largest, (i) => row[i]));
        for (let i = 0; i < n; i++) o[r * n + i] = largest.includes(i) ? Math.exp(row[i] - lse) : 0;
      }
    },
    logSoftmaxAt(out, x, targets) {
      const [o, a, t] = [f32(out), f32(x), i32(targets)], n = dimOf(x);
      for (let r = 0; r < rowsOf(x); r++) o[r] = a[r * n + t[r]] - logSumExp(a.subarray(r * n, (r + 1) * n));
    },
    add: repeated((x, y) => x + y),
    mul: repeated((x, y) => x * y),
    scale(out, x, factor) {
      const [o, a] = [f32(out), f32(x)];
      for (let i = 0; i < a.length; i++) o[i] = factor * a[i];
    },
    relu: unary(relu),
    reluSquared: unary((x) => relu(x) ** 2),
    gelu: unary(gelu),
    geluTanh: unary(geluTanh),
    silu: unary(silu),
    sigmoid: unary(sigmoid),
    tanh: unary(Math.tanh),
    erf: unary(erf),
    exp: unary(Math.exp),
    sin: unary(Math.sin),
    cos: unary(Math.cos),
    reglu: gated(relu),
    geglu: gated(gelu),
    gegluTanh: gated(geluTanh),
    swiglu: gated(silu),
  };
}

const words = new Uint32Array(1);
const float = new Float32Array(words.buffer);

function fromBf16(word: number): number {
  words[0] = word << 16;
  return float[0];
}

function fromF16(word: number): number {
  const sign = word & 0x8000 ? -1 : 1, exponent = word >> 10 & 31, fraction = word & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * fraction / 1024);
}
