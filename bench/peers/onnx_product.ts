/** A product with a weight in ONNX, as it is or in blocks. */
import { BLOCK, nBits } from "./blocks.ts";
import type { Weights } from "./cases.ts";
import { transposed } from "./measure.ts";
import type { Graph } from "./onnx.ts";

/** ONNX Runtime's own operators. */
export const OWN = "com.microsoft";

/** How exact MatMulNBits has to be: activations may be in 8 bits. In WebAssembly it takes them in f32 all the same. */
const ACCURACY = 4;

/** `x [..., k] · wᵀ` of a weight `w [n, k]` whose `values` are row-major; the name of the result is `into`. */
export function product(
  graph: Graph,
  x: string,
  weights: Weights,
  [n, k]: readonly number[],
  values: Float32Array,
  into: string = graph.fresh(),
): string {
  if (weights === "f32") {
    graph.nodeInto([into], "MatMul", [x, graph.constant("f32", [k, n], transposed(values, n, k))]);
    return into;
  }
  const { bits, codes, scales } = nBits(weights, values), blocks = k / BLOCK;
  const stored = graph.constant("u8", [n, blocks, BLOCK * bits / 8], codes);
  const inputs = [x, stored, graph.constant("f32", [n * blocks], scales)];
  const options = { K: k, N: n, bits, block_size: BLOCK, accuracy_level: ACCURACY };
  graph.nodeInto([into], "MatMulNBits", inputs, options, OWN);
  return into;
}
