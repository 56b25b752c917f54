import type { Arena } from "./arena.ts";
import { COST, type Dispatch, pointer, splitOver } from "./dispatch.ts";
import type { Activations, Kernels } from "./kernels.ts";
import { BLOCK, type BlockType, dimOf, panelsOf, rowsOf, size, type Tensor } from "./tensor.ts";

/** Numbers of types, and bytes of a block of activations in parts and whole, as in kernels/assembly/blocks.ts. */
const code: Readonly<Record<BlockType, number>> = { q8_0: 0, q4_0: 1 };
const PARTS = 80, WHOLE = 48;
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
      const q8 = type === "q8_0", offset = !q8 ? 0 : m < WHOLE_ROWS ? -1 : byteOffset(), parts = offset < 0;
      const chunk = pool.chunk(panels, m * n * k / 2), blocks = Math.ceil(k / BLOCK);
      const rows = m * blocks * (parts ? PARTS : WHOLE), sums = Math.ceil(panels / chunk) * blocks * SUMS;
      briefly(rows + (q8 && !parts ? sums : 0), (at) => {
        split("quantize_rows_f32", m, k, at, x.ptr, k, parts ? 1 : 0, parts ? 0 : offset);
        const pointers = [out.ptr, at, w.ptr, pointer(bias)];
        if (q8 && !parts) pool.run("gemm_q8_0_bytes", panels, chunk, ...pointers, at + rows, m, n, k, offset, chunk);
        else pool.run(q8 ? "gemm_q8_0" : "gemm_q4_0", panels, chunk, ...pointers, m, n, k);
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
