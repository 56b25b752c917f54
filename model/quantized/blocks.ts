/**
 * Weights stored as blocks of small integers with shared scales, as GGML defines them. Nothing here knows what file the
 * blocks are in. Layouts: `block_*` in https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h; values:
 * `dequantize_row_*` in https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c
 */

/** Types of blocks that can be read. `K` blocks hold 256 values, in parts with 6-bit or 8-bit scales of their own. */
export type BlockType = "Q8_0" | "Q4_0" | "Q4_1" | "Q5_0" | "Q5_1" | "Q4_K" | "Q5_K" | "Q6_K";

/** How values are stored in blocks. */
export interface BlockFormat {
  /** Name. */
  readonly type: BlockType;
  /** Values of a block. */
  readonly values: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Writes the values of the block at byte `at` to `out` from `to` on: exactly those that ggml computes in f32. */
  unpack(blocks: DataView, at: number, out: Float32Array, to: number): void;
}

/** Values of the simple blocks, and of the K blocks. */
const SIMPLE = 32, SUPER = 256;

/** `f16 d, i8 q[32]`: `d · q`. */
const q8_0: BlockFormat = {
  type: "Q8_0",
  values: SIMPLE,
  bytes: 34,
  unpack(blocks, at, out, to) {
    const scale = blocks.getFloat16(at, true);
    for (let i = 0; i < SIMPLE; i++) out[to + i] = scale * blocks.getInt8(at + 2 + i);
  },
};

/** `f16 d, u4 q[32]`: `d · (q − 8)`; low nibbles are values 0 … 15, high ones 16 … 31. */
const q4_0: BlockFormat = {
  type: "Q4_0",
  values: SIMPLE,
  bytes: 18,
  unpack(blocks, at, out, to) {
    const scale = blocks.getFloat16(at, true);
    for (let i = 0; i < 16; i++) {
      const pair = blocks.getUint8(at + 2 + i);
      out[to + i] = scale * ((pair & 15) - 8);
      out[to + 16 + i] = scale * ((pair >> 4) - 8);
    }
  },
};

/** `f16 d, f16 m, u4 q[32]`: `d · q + m`; nibbles as in Q4_0. */
const q4_1: BlockFormat = {
  type: "Q4_1",
  values: SIMPLE,
  bytes: 20,
  unpack(blocks, at, out, to) {
    const scale = blocks.getFloat16(at, true), least = blocks.getFloat16(at + 2, true);
    for (let i = 0; i < 16; i++) {
      const pair = blocks.getUint8(at + 4 + i);
      out[to + i] = scale * (pair & 15) + least;
      out[to + 16 + i] = scale * (pair >> 4) + least;
    }
  },
};

/** `f16 d, u32 h, u4 q[32]`: `d · (q + 16 · bit i of h − 16)`; nibbles as in Q4_0. */
const q5_0: BlockFormat = {
  type: "Q5_0",
  values: SIMPLE,
  bytes: 22,
  unpack(blocks, at, out, to) {
    const scale = blocks.getFloat16(at, true), high = blocks.getUint32(at + 2, true);
    for (let i = 0; i < 16; i++) {
      const pair = blocks.getUint8(at + 6 + i);
      out[to + i] = scale * ((pair & 15 | (high >>> i & 1) << 4) - 16);
      out[to + 16 + i] = scale * ((pair >> 4 | (high >>> i + 16 & 1) << 4) - 16);
    }
  },
};

/** `f16 d, f16 m, u32 h, u4 q[32]`: `d · (q + 16 · bit i of h) + m`; nibbles as in Q4_0. */
const q5_1: BlockFormat = {
  type: "Q5_1",
  values: SIMPLE,
  bytes: 24,
  unpack(blocks, at, out, to) {
    const scale = blocks.getFloat16(at, true), least = blocks.getFloat16(at + 2, true);
    const high = blocks.getUint32(at + 4, true);
    for (let i = 0; i < 16; i++) {
      const pair = blocks.getUint8(at + 8 + i);
      out[to + i] = scale * (pair & 15 | (high >>> i & 1) << 4) + least;
      out[to + 16 + i] = scale * (pair >> 4 | (high >>> i + 16 & 1) << 4) + least;
    }
  },
};

/**
 * `f16 d, f16 m, 12 bytes of scales, u4 q[256]`: `d · s · q − m · t`, `s` and `t` 6 bits for each 32 values. 32 bytes hold
 * 64 values: low nibbles the first 32, high ones the next.
 */
const q4_k: BlockFormat = {
  type: "Q4_K",
  values: SUPER,
  bytes: 144,
  unpack(blocks, at, out, to) {
    for (let part = 0; part < 8; part++, to += 32) {
      const { scale, least } = partOf(blocks, at, part), shift = 4 * (part & 1), codes = at + 16 + 32 * (part >> 1);
      for (let i = 0; i < 32; i++) out[to + i] = scale * (blocks.getUint8(codes + i) >> shift & 15) - least;
    }
  },
};

/** As Q4_K, with `u8 h[32]` before the codes: bit `p` of `h[i]` is the fifth bit of value `i` of part `p`. */
const q5_k: BlockFormat = {
  type: "Q5_K",
  values: SUPER,
  bytes: 176,
  unpack(blocks, at, out, to) {
    for (let part = 0; part < 8; part++, to += 32) {
      const { scale, least } = partOf(blocks, at, part), shift = 4 * (part & 1), codes = at + 48 + 32 * (part >> 1);
      for (let i = 0; i < 32; i++) {
        const high = (blocks.getUint8(at + 16 + i) >> part & 1) << 4;
        out[to + i] = scale * (blocks.getUint8(codes + i) >> shift & 15 | high) - least;
      }
    }
  },
};

/**
 * `u4 q[256], u2 h[256], i8 s[16], f16 d`: `d · s · (q + 16 · h − 32)`, `s` for each 16 values. For each half of the block
 * 64 bytes of `q` and 32 of `h`: value `32 p + i` of a half has nibble `p ≥ 2` of byte `32 (p mod 2) + i` of `q`, and bits
 * `2 p` and `2 p + 1` of byte `i` of `h`.
 */
const q6_k: BlockFormat = {
  type: "Q6_K",
  values: SUPER,
  bytes: 210,
  unpack(blocks, at, out, to) {
    const whole = blocks.getFloat16(at + 208, true);
    for (let part = 0; part < 8; part++, to += 32) {
      const half = part >> 2, p = part & 3, shift = 4 * (p >> 1);
      const low = at + 64 * half + 32 * (p & 1), high = at + 128 + 32 * half;
      for (let i = 0; i < 32; i++) {
        const code = blocks.getUint8(low + i) >> shift & 15 | (blocks.getUint8(high + i) >> 2 * p & 3) << 4;
        out[to + i] = whole * blocks.getInt8(at + 192 + 2 * part + (i >> 4)) * (code - 32);
      }
    }
  },
};

/** Scale and least value of part 0 … 7 of a Q4_K or Q5_K block: twelve bytes hold 16 numbers of 6 bits. */
function partOf(blocks: DataView, at: number, part: number): { readonly scale: number; readonly least: number } {
  const byte = (i: number) => blocks.getUint8(at + 4 + i);
  const early = part < 4, low = byte(early ? part : part + 4), top = early ? 0 : byte(part - 4) >> 6 << 4;
  const s = early ? low & 63 : low & 15 | top;
  const t = early ? byte(part + 4) & 63 : low >> 4 | byte(part) >> 6 << 4;
  return { scale: blocks.getFloat16(at, true) * s, least: blocks.getFloat16(at + 2, true) * t };
}

/** Every {@linkcode BlockFormat}, by name. */
export const blockFormats: Readonly<Record<BlockType, BlockFormat>> = {
  Q8_0: q8_0,
  Q4_0: q4_0,
  Q4_1: q4_1,
  Q5_0: q5_0,
  Q5_1: q5_1,
  Q4_K: q4_k,
  Q5_K: q5_k,
  Q6_K: q6_k,
};
