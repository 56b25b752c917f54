/** ONNX Runtime, its WebAssembly build: MLAS. */
import type { ModelSize } from "./cases.ts";
import { type AttentionOperator, llamaOnnx, pastHeads, pastParts } from "./llama_onnx.ts";
import { prepareProduct, transposed } from "./measure.ts";
import { type Model, modelRunner } from "./models.ts";
import { Graph, type OnnxModel } from "./onnx.ts";
import { product } from "./onnx_product.ts";
import type { Runner } from "./protocol.ts";

const PACKAGE = "npm:onnxruntime-web@1.30.0";

/** What is used of a tensor. */
interface OrtTensor {
  readonly data: Float32Array;
}

/** What is used of a session. */
interface OrtSession {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtTensor>>>;
  release(): Promise<void>;
}

/** What is used of onnxruntime-web. */
interface Ort {
  readonly env: { readonly wasm: { numThreads: number }; logLevel: string };
  readonly Tensor: new (type: string, values: ArrayBufferView, shape: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<OrtSession>;
  };
}

/** Starts it, with the faster of its operators for attention. */
export function start(threads: number): Promise<Runner> {
  return startWith(threads, "MultiHeadAttention");
}

/** Starts it, with the operator that models exported for it use. */
export function startGrouped(threads: number): Promise<Runner> {
  return startWith(threads, "GroupQueryAttention");
}

async function startWith(threads: number, operator: AttentionOperator): Promise<Runner> {
  const ort = await import(PACKAGE) as Ort;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  const open = ({ graph, file, data }: OnnxModel) =>
    ort.InferenceSession.create(graph, {
      externalData: [{ path: file, data }],
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
  const model = modelRunner(async ({ size }) => buildModel(ort, await open(llamaOnnx(size, operator)), size, operator));
  return {
    about: `${PACKAGE.slice(4)}, wasm`,
    prepare(c) {
      if (c.kind !== "product") return model(c);
      const { m, k, n, weights } = c;
      return prepareProduct(c, async (a, b) => {
        const graph = new Graph();
        const rows = transposed(b, k, n), x = graph.input("a", "f32", [m, k]);
        product(graph, x, weights, [n, k], rows, "c");
        graph.output("c", "f32", [m, n]);
        const session = await open(graph.done()), feeds = { a: new ort.Tensor("float32", a, [m, k]) };
        return {
          run: () => session.run(feeds),
          result: async () => (await session.run(feeds)).c.data,
          close: () => void session.release(),
        };
      });
    },
  };
}

function buildModel(
  ort: Ort,
  session: OrtSession,
  size: ModelSize,
  operator: AttentionOperator,
): Model {
  const layers = Array.from({ length: size.depth }, (_, i) => i), shape = [1, pastHeads(size, operator), 0];
  const names = layers.flatMap((i) => pastParts.map((part) => `${part}.${i}`));
  const nothing = new ort.Tensor("float32", new Float32Array(0), [...shape, size.dim / size.heads]);
  const integer = (value: number, shape: number[]) => new ort.Tensor("int32", Int32Array.of(value), shape);
  const where = (position: number, time: number): Record<string, OrtTensor> =>
    operator === "GroupQueryAttention"
      ? { last: integer(position + time - 1, [1]), total: integer(position + time, []) }
      : { start: new ort.Tensor("int64", BigInt64Array.of(BigInt(position)), [1]) };
  let past: Record<string, OrtTensor> = {};
  const forward = async (tokens: readonly number[], position: number) => {
    const { logits, ...now } = await session.run({
      ids: new ort.Tensor("int64", BigInt64Array.from(tokens, BigInt), [1, tokens.length]),
      ...where(position, tokens.length),
      ...past,
    });
    past = Object.fromEntries(names.map((name) => [`past.${name}`, now[name]]));
    return logits.data;
  };
  return {
    read(tokens) {
      past = Object.fromEntries(names.map((name) => [`past.${name}`, nothing]));
      return forward(tokens, 0);
    },
    next: (token, position) => forward([token], position),
  };
}
