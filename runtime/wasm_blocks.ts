import type { Arena } from "./arena.ts";
import { COST, type Dispatch, pointer, splitOver } from "./dispatch.ts";
import type { Activations, Kernels } from "./kernels.ts";
import { BLOCK, type BlockType, dimOf, panelsOf, rowsOf, size, type Tensor } from "./tensor.ts";

/** Numbers of types, and bytes of a block of activations, as in kernels/assembly/blocks.ts. */
const code: Readonly<Record<BlockType, number>> = { q8_0: 0, q4_0: 1 };
const activationBytes: Readonly<Record<BlockType, number>> = { q8_0: 80, q4_0: 48 };
/** Rows from which a product in q8_0 takes activations whole, where the engine can: for fewer, sums of weights cost more. */
const WHOLE_ROWS = 3;
/** Bytes of the sums of a block of weights, as in kernels/assembly/blocks_signs.ts. */
const SUMS = 32;
/** Bytes to which a panel is unpacked at a time, as in kernels/assembly/blocks_wide.ts. */
const SPACE = 1024 * 32;

/** Kernels for weights in blocks; `activations` says how those of a product are taken. */
export function wasmBlocks(
  pool: Dispatch,
  scratch: Arena,
  activations: Activations,
  memory: WebAssembly.Memory,
): Pick<Kernels, "matmul" | "gather" | "unpack"> {
  const split = splitOver(pool);
  /** Runs `f` with `bytes` of scratch memory. */
  const briefly = (bytes: number, f: (at: number) => void) => {
    const mark = scratch.mark();
    f(scratch.alloc(bytes));
    scratch.rewind(mark);
  };
  let known: number | undefined;
  /** What is added to activations so that the engine multiplies all of their 8 bits; −1 where it does not. */
  const byteOffset = () => {
    if (known === undefined) {
      briefly(16, (at) => {
        pool.run("dot_bytes", 1, 1, at);
        known = new Int32Array(memory.buffer, at, 1)[0];
      });
    }
    return known!;
  };
  function productOfBytes(out: Tensor, x: Tensor, w: Tensor, bias: Tensor | undefined, offset: number): void {
    const m = rowsOf(x), [n, k] = w.shape, panels = panelsOf(n), blocks = Math.ceil(k / BLOCK);
    const chunk = pool.chunk(panels, m * n * k / 2), slots = Math.ceil(panels / chunk);
    briefly(m * blocks * activationBytes.q4_0 + slots * blocks * SUMS, (at) => {
      split("quantize_rows_f32", m, k, at, x.ptr, k, 0, offset);
      const space = at + m * blocks * activationBytes.q4_0;
      const args = [out.ptr, at, w.ptr, pointer(bias), space, m, n, k, offset, chunk];
      pool.run("gemm_q8_0_bytes", panels, chunk, ...args);
    });
  }
  return {
    matmul(out, x, w, bias) {
      const m = rowsOf(x), [n, k] = w.shape, type = w.dtype as BlockType, panels = panelsOf(n);
      if (activations === "f32") {
        const chunk = pool.chunk(panels, (m + 1) * n * k);
        briefly(Math.ceil(panels / chunk) * SPACE, (space) => {
          const args = [out.ptr, x.ptr, w.ptr, pointer(bias), space, code[type], m, n, k, chunk];
          pool.run("gemm_blocks_f32", panels, chunk, ...args);
        });
        return;
      }
      if (type === "q8_0" && m >= WHOLE_ROWS && byteOffset() >= 0) return productOfBytes(out, x, w, bias, byteOffset());
      briefly(m * Math.ceil(k / BLOCK) * activationBytes[type], (at) => {
        split("quantize_rows_f32", m, k, at, x.ptr, k, type === "q8_0" ? 1 : 0, 0);
        const name = type === "q8_0" ? "gemm_q8_0" : "gemm_q4_0", chunk = pool.chunk(panels, m * n * k / 2);
        pool.run(name, panels, chunk, out.ptr, at, w.ptr, pointer(bias), m, n, k);
      });
    },
    gather(out: Tensor, table: Tensor, ids: Tensor) {
      const dim = dimOf(table), type = code[table.dtype as BlockType];
      split("gather_blocks_f32", size(ids.shape), 4 * dim * COST.copy, out.ptr, table.ptr, ids.ptr, type, dim);
    },
    unpack(out, w) {
      const [n, k] = w.shape;
      split("unpack_blocks_f32", n, 4 * k * COST.copy, out.ptr, w.ptr, code[w.dtype as BlockType], k);
    },
  };
}
