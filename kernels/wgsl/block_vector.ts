import { addLanes, laneSums } from "./lane_sums.ts";
import { type Blocks, blockVectors, codes, vectorAt } from "./blocks.ts";
import { type Shader, shader } from "./shader.ts";
import { VECTOR_ROWS } from "./vector_product.ts";

const rows = Array.from({ length: VECTOR_ROWS }, (_, r) => r);

/**
 * `out[r, first + j] = Σ_i x[r, i] · w[j, i] + bias[first + j]` for `ROWS` rows and weights in blocks, which come from memory
 * once. A workgroup has `PANELS` panels, 256 / PANELS lanes each; neighbouring lanes take neighbouring fours of k of a
 * panel. A lane has the sums of eight columns of every row; those of all lanes are added in workgroup memory.
 */
export const blockVectorShaders: Readonly<
  Record<Blocks, Shader<"out" | "x" | "w" | "bias", "n" | "k" | "stride" | "first", "ROWS" | "PANELS">>
> = { q8_0: blockVectorShader("q8_0"), q4_0: blockVectorShader("q4_0") };

function blockVectorShader(type: Blocks): (typeof blockVectorShaders)[Blocks] {
  const size = blockVectors[type];
  const sums = rows.flatMap((row) => [
    { row, name: `low${row}`, column: "0" },
    { row, name: `high${row}`, column: "4" },
  ]);
  return shader({
    name: `matmul_rows_${type}`,
    tensors: { out: "f32", x: "f32", w: "vec4u", bias: "f32" },
    optional: ["bias"],
    args: { n: "u32", k: "u32", stride: "u32", first: "u32" },
    constants: ["ROWS", "PANELS"],
    workgroup: 256,
    code: `${codes(type)}
const LANES = WORKGROUP / PANELS;
fn x_at(row: u32, i: u32) -> f32 {
  if (i < args.k) { return x[row * args.k + i]; }
  return 0.0;
}

${laneSums}
fn main(group: u32, lane: u32) {
  let panel = group * PANELS + lane / LANES;
  let own = lane % LANES;
  let blocks = (args.k + 31) / 32;
  ${rows.map((r) => `var low${r} = vec4f(); var high${r} = vec4f();`).join("\n  ")}
  if (panel * 8 < args.n) {
    for (var i = own; i < blocks * 8; i += LANES) {
      let block = (panel * blocks + i / 8) * ${size};
      let v0 = ${vectorAt[type]("block", "i % 8", "0")};
      let v1 = ${vectorAt[type]("block", "i % 8", "1")};
      let scales0 = bitcast<vec4f>(w[block + ${size - 2}]);
      let scales1 = bitcast<vec4f>(w[block + ${size - 1}]);
      ${
      [0, 1, 2, 3].map((t) =>
        `{
        let w0 = codes(v0, ${t}, 0) * scales0;
        let w1 = codes(v1, ${t}, 1) * scales1;
        ${
          rows.map((r) =>
            `if (ROWS > ${r}) { let x${r} = x_at(${r}, 4 * i + ${t}); ` +
            `low${r} = fma(vec4f(x${r}), w0, low${r}); high${r} = fma(vec4f(x${r}), w1, high${r}); }`
          ).join("\n        ")
        }
      }`
      ).join("\n      ")
    }
    }
  }
  ${addLanes(sums, 1)}
}`,
  });
}
