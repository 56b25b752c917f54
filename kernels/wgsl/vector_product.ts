import { addLanes, laneSums } from "./lane_sums.ts";
import { quadAt, quadElement, type Stored } from "./half.ts";
import { type Shader, shader } from "./shader.ts";

/** Most rows of `x` that {@linkcode vectorShaders} take. */
export const VECTOR_ROWS = 8;

const rows = Array.from({ length: VECTOR_ROWS }, (_, r) => r), unrolled = [0, 1, 2, 3];

/**
 * `out[r, first + j] = Σ_i x[r, i] · w[j, i] + bias[first + j]` for `ROWS` rows: weights come from memory once, at its
 * speed. A workgroup has `PANELS` panels, 256 / PANELS lanes each. Two neighbouring lanes read the eight numbers of a
 * panel's row, and neighbouring pairs neighbouring rows; each lane has four fours on their way at a time, and four
 * columns' sums of every row of `x`. Those of all lanes are added in workgroup memory: lanes that are half of a panel's
 * lanes apart, then a quarter, and so on.
 */
export const vectorShaders: Readonly<
  Record<Stored, Shader<"out" | "x" | "w" | "bias", "n" | "k" | "stride" | "first", "ROWS" | "PANELS">>
> = { f32: vectorShader("f32"), f16: vectorShader("f16") };

function vectorShader(stored: Stored): (typeof vectorShaders)[Stored] {
  const add = (u: number) =>
    rows.map((r) => `if (ROWS > ${r}) { sum${r} = fma(w${u}, vec4f(x[${r} * args.k + i + ${u} * STEP]), sum${r}); }`);
  return shader({
    name: `matmul_rows_${stored}`,
    tensors: { out: "f32", x: "f32", w: quadElement[stored], bias: "f32" },
    optional: ["bias"],
    args: { n: "u32", k: "u32", stride: "u32", first: "u32" },
    constants: ["ROWS", "PANELS"],
    workgroup: 256,
    code: `${quadAt(stored)}
const LANES = WORKGROUP / PANELS;
// Rows of a panel that its lanes read together.
const STEP = LANES / 2;
${laneSums}
fn main(group: u32, lane: u32) {
  let panel = group * PANELS + lane / LANES;
  let own = lane % LANES;
  ${rows.map((r) => `var sum${r} = vec4f();`).join(" ")}
  if (panel * 8 < args.n) {
    let quad = panel * args.k * 2 + own % 2;
    var i = own / 2;
    for (; i + 3 * STEP < args.k; i += 4 * STEP) {
      ${unrolled.map((u) => `let w${u} = quad_at(quad + 2 * (i + ${u} * STEP));`).join("\n      ")}
      ${unrolled.flatMap(add).join("\n      ")}
    }
    for (; i < args.k; i += STEP) {
      let w0 = quad_at(quad + 2 * i);
      ${add(0).join("\n      ")}
    }
  }
  ${addLanes(rows.map((row) => ({ row, name: `sum${row}`, column: "own * 4" })), 2)}
}`,
  });
}
