import type { Arena } from "./arena.ts";
import { COST, type Dispatch, dropoutArguments, KEY_BLOCK, pointer, ROWS, splitOver } from "./dispatch.ts";
import type { GradientKernels, Sum } from "./gradient_kernels.ts";
import type { GatedKernel, Kernels, UnaryKernel } from "./kernels.ts";
import { newKeyValueCache } from "./key_value_cache.ts";
import { bytesOf, dimOf, panelsOf, rowsOf, size, type Tensor } from "./tensor.ts";

/** How kernels/assembly/elementwise.ts numbers functions; sine and cosine have kernels of their own. */
const functions: Readonly<Record<Exclude<UnaryKernel, "sin" | "cos">, number>> = {
  relu: 0,
  reluSquared: 1,
  gelu: 2,
  geluTanh: 3,
  silu: 4,
  sigmoid: 5,
  tanh: 6,
  erf: 7,
  exp: 8,
};
const gates: Readonly<Record<GatedKernel, number>> = {
  reglu: functions.relu,
  geglu: functions.gelu,
  gegluTanh: functions.geluTanh,
  swiglu: functions.silu,
};

/** 0 if a kernel is to write the sum, else 1. */
function adds(sum: Sum | undefined): number {
  return sum?.empty ? 0 : 1;
}

/** Gradients in WebAssembly. Kernels that own columns are split at whole vectors. */
export function wasmGradients(
  pool: Dispatch,
  scratch: Arena,
  kernels: Pick<Kernels, "append" | "packTransposed">,
): GradientKernels {
  const split = splitOver(pool), columns = splitOver(pool, 16);
  const temp = (shape: readonly number[], layout: "rows" | "panels" = "rows"): Tensor => ({
    ptr: scratch.alloc(bytesOf({ shape, dtype: "f32", layout })),
    shape,
    dtype: "f32",
    layout,
  });
  /** Runs `f` and gives its scratch tensors back. */
  function briefly(f: () => void): void {
    const mark = scratch.mark();
    f();
    scratch.rewind(mark);
  }
  /** Columns of `x [m, n]` as panels of depth m. */
  function columnPanels(x: Tensor): Tensor {
    const out = temp([dimOf(x), rowsOf(x)], "panels");
    kernels.packTransposed(out, { ...x, shape: [rowsOf(x), dimOf(x)] }, 0);
    return out;
  }
  const drop = (out: Tensor, x: Tensor, rate: number, seed: number, add: number) => {
    split("dropout_f32", size(x.shape), 2 * COST.copy, out.ptr, x.ptr, ...dropoutArguments(rate, seed), add);
  };
  return {
    addScaled(out, x, factor) {
      split(out.empty ? "scale_f32" : "add_scaled_f32", bytesOf(x) / 4, COST.copy, out.ptr, x.ptr, factor);
    },
    addProduct: (out, x, y) => split("add_product_f32", size(x.shape), COST.copy, out.ptr, x.ptr, y.ptr, size(y.shape)),
    sumRows(out, x, y) {
      const period = size(out.shape), rows = size(x.shape) / period;
      columns("sum_rows_f32", period, rows * COST.copy, out.ptr, x.ptr, pointer(y), rows, period);
    },
    unaryGrad(name, dx, g, x) {
      if (name === "sin" || name === "cos") {
        if (dx.empty) split("fill_f32", size(x.shape), COST.copy, dx.ptr, 0);
        split(`${name}_dx_f32`, size(x.shape), COST.angle, dx.ptr, g.ptr, x.ptr);
      } else split("activation_dx_f32", size(x.shape), 3 * COST.exp, dx.ptr, g.ptr, x.ptr, functions[name], adds(dx));
    },
    gatedGrad: (name, dgate, dup, g, gate, up) =>
      split(
        "gated_dx_f32",
        size(gate.shape),
        4 * COST.exp,
        pointer(dgate),
        pointer(dup),
        g.ptr,
        gate.ptr,
        up.ptr,
        gates[name],
        adds(dgate) | adds(dup) << 1,
      ),
    matmulGradX: (dx, g, w) =>
      briefly(() => {
        const [n, k] = w.shape, across = temp([k, n], "panels");
        if (w.layout === "rows") kernels.packTransposed(across, w, 0);
        else split("transpose_panels_f32", panelsOf(k), n * 8 * COST.copy, across.ptr, w.ptr, n, k);
        const m = rowsOf(g), panels = panelsOf(k);
        pool.run("gemm_add_f32", panels, pool.chunk(panels, m * n * k), dx.ptr, g.ptr, across.ptr, m, k, n, adds(dx));
      }),
    matmulGradW: (dw, g, x) =>
      briefly(() => {
        const [n, k] = dw.shape, rows = rowsOf(x), asPanels = dw.layout === "panels";
        const [a, b] = asPanels ? [x, g] : [g, x], [m, width] = asPanels ? [k, panelsOf(n) * 8] : [n, k];
        const panels = panelsOf(width), chunk = pool.chunk(panels, rows * n * k);
        const strides = asPanels ? [32, k * 32] : [k * 4, 32];
        const [across, down] = [a, b].map((t) => columnPanels(t).ptr);
        pool.run("gemm_across_f32", panels, chunk, dw.ptr, ...strides, across, down, m, width, rows, adds(dw));
      }),
    gatherGrad(dtable, g, ids) {
      const rows = size(ids.shape), dim = dimOf(g);
      const name = dtable.layout === "panels" ? "gather_panels_dx_f32" : "gather_rows_dx_f32";
      columns(name, dim, rows * COST.copy, dtable.ptr, g.ptr, ids.ptr, rows, dim);
    },
    normGrad: (dx, dweight, g, x, weight, eps, centered) =>
      briefly(() => {
        const rows = rowsOf(x), dim = dimOf(x), stats = temp([rows, 4]), kind = centered ? 1 : 0;
        split("norm_stats_f32", rows, dim * 4, stats.ptr, x.ptr, dim, eps, kind);
        if (dx) {
          split("norm_dx_f32", rows, dim * 6, dx.ptr, g.ptr, x.ptr, pointer(weight), stats.ptr, dim, kind, adds(dx));
        }
        if (dweight) columns("norm_dw_f32", dim, rows * 3, dweight.ptr, g.ptr, x.ptr, stats.ptr, rows, dim);
      }),
    softmaxGrad: (dx, g, p) => split("softmax_dx_f32", rowsOf(p), dimOf(p) * 4, dx.ptr, g.ptr, p.ptr, dimOf(p)),
    logSoftmaxAtGrad: (dx, g, x, targets) =>
      split(
        "log_softmax_at_dx_f32",
        rowsOf(x),
        dimOf(x) * 2 * COST.exp,
        dx.ptr,
        g.ptr,
        x.ptr,
        targets.ptr,
        dimOf(x),
      ),
    crossEntropy: (out, x, targets, { smoothing, zLoss }) =>
      split(
        "cross_entropy_f32",
        rowsOf(x),
        dimOf(x) * COST.exp,
        out.ptr,
        x.ptr,
        targets.ptr,
        dimOf(x),
        smoothing,
        zLoss,
      ),
    crossEntropyGrad(dx, g, x, targets, { smoothing, zLoss }) {
      const args = [dx.ptr, g.ptr, x.ptr, targets.ptr, dimOf(x), smoothing, zLoss, adds(dx)];
      split("cross_entropy_dx_f32", rowsOf(x), dimOf(x) * 2 * COST.exp, ...args);
    },
    rotateGrad(dx, g, table, start, layout) {
      const [batch, time, heads, headDim] = g.shape, name = `rotate_${layout}_dx_f32` as const;
      const args = [dx.ptr, g.ptr, table.ptr, start, time, heads, headDim, dimOf(table) / 2, adds(dx)];
      split(name, batch * time, heads * headDim * COST.copy, ...args);
    },
    attentionGrad: (d, g, { q, k, v, out, lse, cache }, options) =>
      briefly(() => {
        const { scale, window, bias, dropout, sinks, softcap = 0 } = options;
        const [batch, time, heads, headDim] = q.shape, kvHeads = k.shape[2];
        const dropped = dropoutArguments(dropout?.rate ?? 0, dropout?.seed ?? 0);
        const biasLength = bias ? dimOf(bias) : 0;
        const delta = temp([batch, heads, time]);
        split(
          "attention_delta_f32",
          batch * heads * time,
          headDim,
          delta.ptr,
          g.ptr,
          out.ptr,
          time,
          heads,
          headDim,
        );
        const { keys } = cache, shape = [time, heads, kvHeads, headDim, window, biasLength, scale, softcap, ...dropped];
        if (d.q || d.k || d.v) {
          const units = batch * kvHeads, seen = window ? Math.min(window, time) : time / 2;
          const chunk = pool.chunk(units, batch * time * heads * seen * (5 * headDim + COST.exp));
          // Probabilities and their gradients, those of four queries once more, values laid out as keys, slopes of a cap.
          const slot = 4 * KEY_BLOCK * (2 * KEY_BLOCK + ROWS + headDim + 1);
          const space = scratch.alloc(Math.ceil(units / chunk) * slot);
          const add = adds(d.q) | adds(d.k) << 1 | adds(d.v) << 2;
          const pointers = [d.q, d.k, d.v, g, q, k, v, keys, bias, lse, delta].map(pointer);
          pool.run("attention_dx_f32", units, chunk, ...pointers, space, ...shape, add, slot, chunk);
        }
        if (d.sinks) {
          const pointers = [d.sinks, sinks, lse, delta].map(pointer);
          split("attention_dsinks_f32", heads, batch * time * COST.exp, ...pointers, batch, time, heads);
        }
        if (d.bias) {
          const swapped = newKeyValueCache(temp, batch, kvHeads, headDim, time);
          kernels.append(swapped, v, k, 0);
          const slot = 4 * (headDim + 2 * KEY_BLOCK), space = scratch.alloc(heads * slot);
          const pointers = [d.bias, g, q, keys, swapped.keys, bias, lse, delta].map(pointer);
          const work = batch * time * time * headDim;
          split("attention_dbias_f32", heads, work, ...pointers, space, batch, ...shape, slot);
        }
      }),
    dropout: (out, x, rate, seed) => drop(out, x, rate, seed, 0),
    dropoutGrad: (dx, g, rate, seed) => drop(dx, g, rate, seed, adds(dx)),
  };
}
