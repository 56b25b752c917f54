import { type Shader, shader } from "./shader.ts";

/**
 * Sums over rows: `sums[block, j] = Σ_r term(r, j)`, over blocks of `BLOCK` rows. A workgroup has `COLUMNS` columns of one
 * block, a lane every `256 / COLUMNS`th row of one column, so that neighbours read neighbours; their sums are added in a
 * tree. `term` may use `at`, the element's index among all, `row` and `column`. `first` is the block that the rows begin
 * with; with `ADD` sums are added to what is there.
 */
function columnSums<T extends string>(
  name: string,
  tensors: Readonly<Record<T, "f32">>,
  term: string,
  optional: readonly NoInfer<T>[] = [],
  functions = "",
): Shader<T | "sums", "rows" | "columns" | "first", "COLUMNS" | "BLOCK" | "ADD"> {
  return shader({
    name,
    tensors: { sums: "f32", ...tensors },
    optional,
    args: { rows: "u32", columns: "u32", first: "u32" },
    constants: ["COLUMNS", "BLOCK", "ADD"],
    workgroup: 256,
    code: `
var<workgroup> parts: array<f32, WORKGROUP>;
${functions}
fn main(group: u32, lane: u32) {
  let tiles = (args.columns + COLUMNS - 1u) / COLUMNS;
  let block = group / tiles; let column = group % tiles * COLUMNS + lane % COLUMNS;
  let end = min((block + 1u) * BLOCK, args.rows);
  var sum = 0.0;
  if (column < args.columns) {
    for (var row = block * BLOCK + lane / COLUMNS; row < end; row += WORKGROUP / COLUMNS) {
      let at = row * args.columns + column;
      sum += ${term};
    }
  }
  parts[lane] = sum;
  for (var half = WORKGROUP / 2u; half >= COLUMNS; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { parts[lane] += parts[lane + half]; }
  }
  if (lane < COLUMNS && column < args.columns) {
    let to = (args.first + block) * args.columns + column;
    if (ADD) { sums[to] += parts[lane]; } else { sums[to] = parts[lane]; }
  }
}`,
  }) as never;
}

/** Of `x · y`, or of `x` alone. */
export const sumRowsShader = columnSums(
  "sum_rows",
  { x: "f32", y: "f32" },
  "product(at)",
  ["y"],
  `
fn product(at: u32) -> f32 {
  if (HAS_Y) { return x[at] * y[at]; }
  return x[at];
}
`,
);

/** Of `g · (x − mean) · scale`, where `statistics [rows, 3]` are mean, its correction and scale: gradients of norms' weights. */
export const weightGradShader = columnSums(
  "norm_weight_grad",
  { g: "f32", x: "f32", statistics: "f32" },
  "g[at] * (x[at] - statistics[3u * row] - statistics[3u * row + 1u]) * statistics[3u * row + 2u]",
);

/** Of the squares of a matrix in rows. */
export const columnSquaresShader = columnSums("column_squares", { x: "f32" }, "x[at] * x[at]");

/** Of the squares of a matrix in panels: a row is a panel here, and a term 8 numbers that are neighbours. */
export const panelColumnSquaresShader = columnSums(
  "panel_column_squares",
  { x: "f32" },
  "squares(at)",
  [],
  `
fn squares(at: u32) -> f32 {
  var sum = 0.0;
  for (var i = 8u * at; i < 8u * at + 8u; i++) { sum += x[i] * x[i]; }
  return sum;
}
`,
);
