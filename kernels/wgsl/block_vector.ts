import { type Blocks, blockVectors, codes, vectorAt } from "./blocks.ts";
import { type Shader, shader } from "./shader.ts";
import { VECTOR_ROWS } from "./vector_product.ts";

const rows = Array.from({ length: VECTOR_ROWS }, (_, r) => r);

/**
 * `out[r, first + j] = Σ_i x[r, i] · w[j, i] + bias[first + j]` for `ROWS` rows and weights in blocks, which come from memory
 * once. A workgroup has `PANELS` panels, 256 / PANELS lanes each; neighbouring lanes take neighbouring fours of k of a panel. A lane has the sums of eight columns of every row; those of all lanes are added in
 * workgroup memory, two rows at a time: lanes that are half of a panel's lanes apart, then a quarter, and so on.
 */
export const blockVectorShaders: Readonly<
  Record<Blocks, Shader<"out" | "x" | "w" | "bias", "n" | "k" | "stride" | "first", "ROWS" | "PANELS">>
> = { q8_0: blockVectorShader("q8_0"), q4_0: blockVectorShader("q4_0") };

function blockVectorShader(type: Blocks): (typeof blockVectorShaders)[Blocks] {
  const size = blockVectors[type];
  const each = (first: number, f: (r: number, at: number) => string) =>
    rows.slice(first, first + 2).map((r) => `if (ROWS > ${r}) { ${f(r, 2 * (r - first))} }`).join("\n    ");
  const batch = (first: number) => `
  if (ROWS > ${first}) {
    workgroupBarrier();
    ${
    each(first, (r, at) => `sums[${at} * WORKGROUP + lane] = low${r}; sums[${at + 1} * WORKGROUP + lane] = high${r};`)
  }
    for (var half = LANES / 2; half >= 1; half /= 2) {
      workgroupBarrier();
      if (own < half) {
        ${
    each(first, (_, at) =>
      [at, at + 1].map((i) =>
        `sums[${i} * WORKGROUP + lane] += sums[${i} * WORKGROUP + lane + half];`
      ).join(" "))
  }
      }
    }
    if (own == 0 && panel * 8 < args.n) {
      ${
    each(first, (r, at) =>
      [0, 1].map((h) =>
        `put(${r}, panel * 8 + ${4 * h}, sums[${at + h} * WORKGROUP + lane]);`
      ).join(" "))
  }
    }
  }`;
  return shader({
    name: `matmul_rows_${type}`,
    tensors: { out: "f32", x: "f32", w: "vec4u", bias: "f32" },
    optional: ["bias"],
    args: { n: "u32", k: "u32", stride: "u32", first: "u32" },
    constants: ["ROWS", "PANELS"],
    workgroup: 256,
    code: `${codes(type)}
const LANES = WORKGROUP / PANELS;
var<workgroup> sums: array<vec4f, 4 * WORKGROUP>;

fn x_at(row: u32, i: u32) -> f32 {
  if (i < args.k) { return x[row * args.k + i]; }
  return 0.0;
}

fn put_one(row: u32, column: u32, value: f32) {
  if (column >= args.n) { return; }
  var y = value;
  if (HAS_BIAS) { y += bias[args.first + column]; }
  out[row * args.stride + args.first + column] = y;
}

fn put(row: u32, column: u32, value: vec4f) {
  put_one(row, column, value.x);
  put_one(row, column + 1, value.y);
  put_one(row, column + 2, value.z);
  put_one(row, column + 3, value.w);
}

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
  ${[0, 2, 4, 6].map(batch).join("")}
}`,
  });
}
