import type { KernelExports } from "../kernels/gen/exports.ts";
import type { Arena } from "./arena.ts";
import type { LinearMemory } from "./memory.ts";
import type { Activations, AttentionOptions, Kernels, KeyValueCache, RotaryLayout, SinusoidLayout } from "./kernels.ts";
import { COST, type Dispatch, dropoutArguments, KEY_BLOCK, PACKED_ROWS, pointer, ROWS, splitOver } from "./dispatch.ts";
import type { GradientKernels } from "./gradient_kernels.ts";
import { argmaxRows } from "./reference_math.ts";
import { dimOf, isBlocks, PANEL, panelsOf, rowsOf, size, type Tensor } from "./tensor.ts";
import { wasmBlocks } from "./wasm_blocks.ts";
import { wasmGradients } from "./wasm_gradients.ts";
import { wasmOptimizers } from "./wasm_optimizers.ts";

/** `relaxed` fuses multiply-adds and is faster; `baseline` gives the same bytes on every machine. */
export type Simd = "baseline" | "relaxed";

/** (module (func (drop (f32x4.relaxed_madd 0 0 0)))): valid where the engine has relaxed SIMD. */
// deno-fmt-ignore
const PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 20, 1, 18, 0,
  65, 0, 253, 15, 65, 0, 253, 15, 65, 0, 253, 15, 253, 133, 2, 26, 11,
]);

/** The fastest build that this engine runs. */
export function bestSimd(): Simd {
  return WebAssembly.validate(PROBE) ? "relaxed" : "baseline";
}

const compiled = new Map<Simd, Promise<WebAssembly.Module>>();
/** The builds as text. Only the one that is used is loaded. */
const builds: Readonly<Record<Simd, () => Promise<string>>> = {
  baseline: async () => (await import("../kernels/gen/baseline.ts")).baseline,
  relaxed: async () => (await import("../kernels/gen/relaxed.ts")).relaxed,
};

/** One of the two builds, compiled once. */
export function compileKernels(simd: Simd): Promise<WebAssembly.Module> {
  const known = compiled.get(simd);
  if (known) return known;
  const module = builds[simd]().then(inflate).then((bytes) => WebAssembly.compile(bytes));
  compiled.set(simd, module);
  return module;
}

function inflate(base64: string): Promise<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(base64.replaceAll("\n", "")), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).arrayBuffer();
}

const rotary: Readonly<Record<RotaryLayout, "rotate_half_f32" | "rotate_interleaved_f32">> = {
  half: "rotate_half_f32",
  interleaved: "rotate_interleaved_f32",
};
const sinusoidCode: Readonly<Record<SinusoidLayout, number>> = { cosSin: 0, sinCos: 1, interleaved: 2 };
/** How a cache is kept, by the numbers of kernels/assembly/cache.ts. */
function cacheCode({ dtype }: Tensor): number {
  return dtype === "f16" ? 1 : dtype === "i8" ? 2 : 0;
}

/** Bytes in use from which weights come from memory, not from a cache, each time a token is generated. */
const CACHED = 24 * 2 ** 20;
/** Depth from which a panel is long enough for several to be read at once. */
const LONG = 1024;

/** The kernels in WebAssembly. Each line names the axis it is split over, and what an element of it costs. */
export function wasmKernels(
  pool: Dispatch,
  linear: LinearMemory,
  scratch: Arena,
  activations: Activations = "q8",
): Kernels {
  const { memory } = linear, blocks = wasmBlocks(pool, scratch, activations, memory);
  type Name = keyof KernelExports;
  const split = splitOver(pool);
  const unary = (name: Name, cost: number) => (out: Tensor, x: Tensor) =>
    split(name, size(x.shape), cost, out.ptr, x.ptr);
  const gated = (name: Name, cost: number) => (out: Tensor, gate: Tensor, up: Tensor) =>
    split(name, size(gate.shape), cost, out.ptr, gate.ptr, up.ptr);
  const repeated = (name: Name) => (out: Tensor, x: Tensor, y: Tensor) =>
    split(name, size(x.shape), COST.copy, out.ptr, x.ptr, y.ptr, size(y.shape));
  const kernels: Omit<Kernels, keyof GradientKernels> = {
    ...wasmOptimizers(split),
    widen: (out, x) => split(x.dtype === "bf16" ? "widen_bf16" : "widen_f16", size(x.shape), COST.copy, out.ptr, x.ptr),
    pack(out, x, first) {
      const k = dimOf(x), rows = rowsOf(x), at = out.ptr + first * k * 4;
      split("pack_rows_f32", panelsOf(rows), k * 8 * COST.copy, at, x.ptr, rows, k);
    },
    packTransposed(out, x, first) {
      const [n, k] = out.shape, rows = x.shape[0];
      split("pack_columns_f32", panelsOf(n), rows * 8 * COST.copy, out.ptr, x.ptr, n, k, first, rows);
    },
    unpack(out, x) {
      if (isBlocks(x.dtype)) return blocks.unpack(out, x);
      split("unpack_f32", x.shape[0], dimOf(x) * COST.copy, out.ptr, x.ptr, dimOf(x));
    },
    matmul(out, x, w, bias) {
      if (isBlocks(w.dtype)) return blocks.matmul(out, x, w, bias);
      const m = rowsOf(x), [n, k] = w.shape, panels = panelsOf(n);
      // One row is fastest four panels at a time, two rows two.
      const chunk = pool.chunk(panels, m * n * k, m === 1 ? 4 : m === 2 ? 2 : 1);
      const inOrder = m <= 2 && k < LONG && linear.used > CACHED ? 1 : 0;
      pool.run("gemm_f32", panels, chunk, out.ptr, x.ptr, w.ptr, pointer(bias), m, n, k, inOrder);
    },
    gather(out, table, ids) {
      if (isBlocks(table.dtype)) return blocks.gather(out, table, ids);
      const name = table.layout === "panels" ? "gather_panels_f32" : "gather_rows_f32", dim = dimOf(table);
      split(name, size(ids.shape), dim * COST.copy, out.ptr, table.ptr, ids.ptr, dim);
    },
    // In TypeScript: a row for each token that is generated is too little work for a kernel of its own.
    argmax: (out, x) =>
      argmaxRows(
        new Int32Array(memory.buffer, out.ptr, size(out.shape)),
        new Float32Array(memory.buffer, x.ptr, size(x.shape)),
        dimOf(x),
      ),
    layerNorm: (out, x, weight, bias, eps) =>
      split("layer_norm_f32", rowsOf(x), dimOf(x) * 4, out.ptr, x.ptr, pointer(weight), pointer(bias), dimOf(x), eps),
    rmsNorm: (out, x, weight, eps) =>
      split("rms_norm_f32", rowsOf(x), dimOf(x) * 3, out.ptr, x.ptr, pointer(weight), dimOf(x), eps),
    softmax: (out, x) => split("softmax_f32", rowsOf(x), dimOf(x) * COST.exp, out.ptr, x.ptr, dimOf(x)),
    topSoftmax: (out, x, count) =>
      split("top_softmax_f32", rowsOf(x), dimOf(x) * (COST.exp + count), out.ptr, x.ptr, dimOf(x), count),
    logSoftmaxAt: (out, x, targets) =>
      split("log_softmax_at_f32", rowsOf(x), dimOf(x) * COST.exp, out.ptr, x.ptr, targets.ptr, dimOf(x)),
    sinusoid(out, positions, frequencies, layout) {
      const mark = scratch.mark(), at = scratch.alloc(8 * frequencies.length);
      new Float64Array(memory.buffer, at, frequencies.length).set(frequencies);
      const dim = dimOf(out);
      split("sinusoid_f64", rowsOf(out), dim * COST.angle, out.ptr, positions.ptr, at, dim, sinusoidCode[layout]);
      scratch.rewind(mark);
    },
    rotate(out, x, table, start, layout) {
      const [batch, time, heads, headDim] = x.shape, work = heads * headDim * COST.copy;
      split(
        rotary[layout],
        batch * time,
        work,
        out.ptr,
        x.ptr,
        table.ptr,
        start,
        time,
        heads,
        headDim,
        dimOf(table) / 2,
      );
    },
    append({ keys, values, keyScales, valueScales, capacity }, k, v, start) {
      const [batch, time, heads, headDim] = k.shape, type = cacheCode(keys), each = Math.min(time, PANEL) * headDim;
      const panels = Math.floor((start + time - 1) / PANEL) - Math.floor(start / PANEL) + 1;
      const rows = [k.ptr, v.ptr], sizes = [start, time, heads, headDim, capacity], units = batch * heads * panels;
      if (!type) return split("append_f32", units, each * COST.copy, keys.ptr, values.ptr, ...rows, ...sizes);
      const held = [keys.ptr, values.ptr, pointer(keyScales), pointer(valueScales)];
      split("append_packed_f32", units, each * COST.copy, ...held, ...rows, type, ...sizes);
    },
    attention(out, q, { keys, values, keyScales, valueScales, capacity }, kvHeads, options) {
      const { start, scale, window, bias, lse, dropout, sinks, softcap = 0 } = options;
      const [batch, time, heads, headDim] = q.shape, wide = panelsOf(headDim) * 8, type = cacheCode(keys);
      const rows = type ? PACKED_ROWS : ROWS, units = batch * kvHeads * Math.ceil(time * heads / kvHeads / rows);
      const seen = window ? Math.min(window, start + time) : start + time / 2;
      const chunk = pool.chunk(units, batch * time * heads * seen * (2 * headDim + COST.exp));
      const slot = 4 * (rows * (headDim + KEY_BLOCK + wide + 2) + (type && KEY_BLOCK * wide));
      const mark = scratch.mark(), space = scratch.alloc(Math.ceil(units / chunk) * slot);
      const held = [keys.ptr, values.ptr, pointer(keyScales), pointer(valueScales)];
      const pointers = [out.ptr, pointer(lse), q.ptr, ...held, pointer(bias), pointer(sinks), space];
      const shape = [type, rows, start, time, heads, kvHeads, headDim, capacity, window, bias ? dimOf(bias) : 0];
      const dropped = dropoutArguments(dropout?.rate ?? 0, dropout?.seed ?? 0);
      pool.run("attention_f32", units, chunk, ...pointers, ...shape, scale, softcap, ...dropped, slot, chunk);
      scratch.rewind(mark);
    },
    attentionWeights(out, q, { keys, keyScales, capacity }: KeyValueCache, kvHeads, options: AttentionOptions) {
      const { start, scale, window, bias, sinks, softcap = 0 } = options, [batch, time, heads, headDim] = q.shape;
      const type = cacheCode(keys), rows = batch * heads * time;
      const chunk = pool.chunk(rows, rows * (start + time) * (headDim + COST.exp));
      const mark = scratch.mark(), slots = type && Math.ceil(rows / chunk);
      const pointers = [out.ptr, q.ptr, keys.ptr, pointer(keyScales), pointer(bias), pointer(sinks)];
      const space = scratch.alloc(slots * 4 * KEY_BLOCK * headDim);
      const shape = [type, start, time, heads, kvHeads, headDim, capacity, window, bias ? dimOf(bias) : 0];
      pool.run("attention_weights_f32", rows, chunk, ...pointers, space, ...shape, scale, softcap, chunk);
      scratch.rewind(mark);
    },
    add: repeated("add_f32"),
    mul: repeated("mul_f32"),
    scale: (out, x, factor) => split("scale_f32", size(x.shape), COST.copy, out.ptr, x.ptr, factor),
    relu: unary("relu_f32", COST.copy),
    reluSquared: unary("relu_squared_f32", COST.copy),
    gelu: unary("gelu_f32", 2 * COST.exp),
    geluTanh: unary("gelu_tanh_f32", 2 * COST.exp),
    silu: unary("silu_f32", COST.exp),
    sigmoid: unary("sigmoid_f32", COST.exp),
    tanh: unary("tanh_f32", 2 * COST.exp),
    erf: unary("erf_f32", 2 * COST.exp),
    exp: unary("exp_f32", COST.exp),
    sin: unary("sin_f32", COST.angle),
    cos: unary("cos_f32", COST.angle),
    reglu: gated("reglu_f32", COST.copy),
    geglu: gated("geglu_f32", 2 * COST.exp),
    gegluTanh: gated("geglu_tanh_f32", 2 * COST.exp),
    swiglu: gated("swiglu_f32", COST.exp),
  };
  return { ...kernels, ...wasmGradients(pool, scratch, kernels) };
}
