// Rows of an embedding table. Both own rows `begin … end` of `out [rows, dim]`; `ids` are i32.

import { floats, loadUpTo4, storeUpTo4 } from "./simd";
import { PANEL_STEP } from "./tile";

/** `out[r] = table[ids[r]]`, the table row-major. */
export function gather_rows_f32(out: usize, table: usize, ids: usize, dim: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const from = table + <usize>load<u32>(ids + floats(r)) * floats(dim), to = out + <usize>r * floats(dim);
    for (let i = 0; i < dim; i += 4) storeUpTo4(to + floats(i), loadUpTo4(from + floats(i), dim - i), dim - i);
  }
}

/** `out[r] = table[ids[r]]`, the table in panels: an embedding tied to the output projection. */
export function gather_panels_f32(out: usize, table: usize, ids: usize, dim: i32, begin: i32, end: i32): void {
  for (let r = begin; r < end; r++) {
    const id = load<u32>(ids + floats(r));
    let from = table + <usize>(id >>> 3) * <usize>dim * PANEL_STEP + floats(id & 7), to = out + <usize>r * floats(dim);
    for (let i = 0; i < dim; i++, from += PANEL_STEP, to += 4) store<f32>(to, load<f32>(from));
  }
}

/** `dtable[ids[r]] += g[r]`, row-major. Owns columns `begin … end`: every range goes through all `rows`. */
export function gather_rows_dx_f32(
  dtable: usize, g: usize, ids: usize, rows: i32, dim: i32, begin: i32, end: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const to = dtable + <usize>load<u32>(ids + floats(r)) * floats(dim), from = g + <usize>r * floats(dim);
    for (let i = begin; i < end; i += 4) {
      const at = floats(i), n = end - i;
      storeUpTo4(to + at, f32x4.add(loadUpTo4(to + at, n), loadUpTo4(from + at, n)), n);
    }
  }
}

/** The same for a table in panels. */
export function gather_panels_dx_f32(
  dtable: usize, g: usize, ids: usize, rows: i32, dim: i32, begin: i32, end: i32,
): void {
  for (let r = 0; r < rows; r++) {
    const id = load<u32>(ids + floats(r)), from = g + <usize>r * floats(dim);
    const to = dtable + <usize>(id >>> 3) * <usize>dim * PANEL_STEP + floats(id & 7);
    for (let i = begin; i < end; i++) {
      const at = to + <usize>i * PANEL_STEP;
      store<f32>(at, load<f32>(at) + load<f32>(from + floats(i)));
    }
  }
}
