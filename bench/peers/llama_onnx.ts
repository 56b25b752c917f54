/**
 * A Llama-shaped decoder as an ONNX graph, of ONNX Runtime's own operators where it has any. It has two for attention:
 * GroupQueryAttention, which exporters of Llama models choose, and MultiHeadAttention, which in WebAssembly takes a tenth
 * of the time over a prompt of 512 tokens, and about as long for a single one. Both are measured.
 */
import { inBlocks } from "./blocks.ts";
import { type ModelSize, type Weight, weights } from "./cases.ts";
import { Graph, type OnnxModel } from "./onnx.ts";
import { OWN, product } from "./onnx_product.ts";

/** The past of layer `i` goes in as `past.key.i` and `past.value.i`; it comes out longer, as `key.i` and `value.i`. */
export const pastParts: readonly string[] = ["key", "value"];

/** Which of ONNX Runtime's operators computes attention. */
export type AttentionOperator = "MultiHeadAttention" | "GroupQueryAttention";

/** Heads of keys and values in the past: MultiHeadAttention needs as many as there are of queries. */
export function pastHeads({ heads, kvHeads }: ModelSize, operator: AttentionOperator): number {
  return operator === "GroupQueryAttention" ? kvHeads : heads;
}

/**
 * The model file of `size`. Inputs: `ids [1, time]`, `start [1]` (position of the first), the past, and for
 * GroupQueryAttention `last [1]` (position of the last) and `total` (positions in all). Outputs:
 * `logits [1, 1, vocab]` of the last position, and the new past.
 */
export function llamaOnnx(size: ModelSize, operator: AttentionOperator): OnnxModel {
  const { dim, depth, heads, kvHeads, vocab, context } = size, headDim = dim / heads;
  const graph = new Graph(), byName = new Map(weights(size).map((weight) => [weight.name, weight]));
  const take = (name: string) => byName.get(name)!;
  const whole = (values: readonly number[]) =>
    graph.constant("i64", [values.length], BigInt64Array.from(values, BigInt));

  const normed = (x: string, name: string) => {
    const weight = graph.constant("f32", [dim], take(name).values());
    return graph.node("SimplifiedLayerNormalization", [x, weight], { axis: -1, epsilon: { float: 1e-5 } });
  };
  const times = (x: string, { shape, values }: Weight) => product(graph, x, size.weights, shape, values());

  /** Heads of keys or values, each as often as heads of queries share it. */
  const repeated = (x: string) => {
    if (kvHeads === heads) return x;
    const apart = graph.node("Reshape", [x, whole([0, 0, kvHeads, 1, headDim])]);
    return graph.node("Reshape", [
      graph.node("Expand", [apart, whole([1, 1, 1, heads / kvHeads, 1])]),
      whole([0, 0, dim]),
    ]);
  };

  const ids = graph.input("ids", "i64", [1, "time"]);
  const grouped = operator === "GroupQueryAttention";
  const start = grouped ? "" : graph.input("start", "i64", [1]);
  const extent = grouped ? [graph.input("last", "i32", [1]), graph.input("total", "i32", [])] : [];
  const angles = rotations(context, headDim).map((table) => graph.constant("f32", [context, headDim / 2], table));
  const embedding = take("embedding.weight");
  const rows = size.weights === "f32" ? embedding.values() : inBlocks(size.weights, embedding.values());
  let x = graph.node("Gather", [graph.constant("f32", [vocab, dim], rows), ids]);

  for (let i = 0; i < depth; i++) {
    const weight = (part: string) => take(`blocks.${i}.${part}.weight`);
    const shape = (time: string) => [1, pastHeads(size, operator), time, headDim];
    const past = pastParts.map((part) => graph.input(`past.${part}.${i}`, "f32", shape("past")));
    for (const part of pastParts) graph.output(`${part}.${i}`, "f32", shape("now"));

    const before = normed(x, `blocks.${i}.norm1.weight`);
    const qkv = ["q", "k", "v"].map((part) => times(before, weight(`attention.${part}`)));
    const attended = [`attended.${i}`, ...pastParts.map((part) => `${part}.${i}`)];
    if (grouped) {
      const options = { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1, rotary_interleaved: 0 };
      graph.nodeInto(attended, operator, [...qkv, ...past, ...extent, ...angles], options, OWN);
    } else {
      const [q, k] = [heads, kvHeads].map((count, j) =>
        graph.node("RotaryEmbedding", [qkv[j], start, ...angles], { interleaved: 0, num_heads: count }, OWN)
      );
      // Empty names are inputs left out: bias, padding mask, attention bias.
      const inputs = [q, repeated(k), repeated(qkv[2]), "", "", "", ...past];
      graph.nodeInto(attended, operator, inputs, { num_heads: heads, unidirectional: 1 }, OWN);
    }
    x = graph.node("Add", [x, times(attended[0], weight("attention.out"))]);

    const middle = normed(x, `blocks.${i}.norm2.weight`);
    const gate = times(middle, weight("feedForward.gate")), up = times(middle, weight("feedForward.up"));
    const gated = graph.node("Mul", [graph.node("Mul", [gate, graph.node("Sigmoid", [gate])]), up]);
    x = graph.node("Add", [x, times(gated, weight("feedForward.down"))]);
  }

  const end = 2 ** 31 - 1;
  const lastRow = graph.node("Slice", [normed(x, "norm.weight"), whole([-1]), whole([end]), whole([1])]);
  graph.nodeInto(["logits"], "Identity", [times(lastRow, embedding)]);
  graph.output("logits", "f32", [1, 1, vocab]);
  return graph.done();
}

/** Cosines and sines `[context, headDim / 2]` of the angles by which pairs of channels are turned. */
function rotations(context: number, headDim: number): Float32Array<ArrayBuffer>[] {
  const half = headDim / 2;
  return [Math.cos, Math.sin].map((f) =>
    Float32Array.from({ length: context * half }, (_, i) => f(Math.floor(i / half) * 10000 ** (-(i % half) / half)))
  );
}
