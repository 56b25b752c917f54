/** TensorFlow.js, its WebAssembly backend. */
import { aboutBackend, openTfjs, VERSION } from "../peers/tfjs.ts";
import { inputMajor, parts } from "./input_major.ts";
import type { Job, Step, Trainer } from "./protocol.ts";

/** Core and its gradients; their registration in tfjs-core alone is written for bundlers. */
const PACKAGE = `npm:@tensorflow/tfjs@${VERSION}`;

/** What is used of a tensor. */
interface TfTensor {
  readonly rank: number;
  dataSync(): Float32Array;
}

/** A tensor that can be changed. */
interface TfVariable extends TfTensor {
  readonly name: string;
  assign(value: TfTensor): void;
}

type Shape = readonly number[];
type Operand = TfTensor | number;

/** An operation with a gradient of its own. */
type Custom = (a: TfTensor, b: TfTensor, save: (tensors: TfTensor[]) => void) => {
  value: TfTensor;
  gradFunc: (g: TfTensor, saved: TfTensor[]) => TfTensor[];
};

/** What is used of tfjs. */
interface Tf {
  tidy(f: () => void): void;
  tensor(values: Float32Array, shape: Shape): TfTensor;
  tensor1d(values: readonly number[], dtype: "int32"): TfTensor;
  zeros(shape: Shape): TfTensor;
  variable(initial: TfTensor, trainable?: boolean): TfVariable;
  variableGrads(f: () => TfTensor, variables: TfVariable[]): { value: TfTensor; grads: Record<string, TfTensor> };
  reshape(x: TfTensor, shape: Shape): TfTensor;
  transpose(x: TfTensor, order: readonly number[]): TfTensor;
  split(x: TfTensor, sections: number, axis: number): TfTensor[];
  oneHot(indices: TfTensor, count: number): TfTensor;
  cast(x: TfTensor, dtype: "float32"): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  customGrad(f: Custom): (a: TfTensor, b: TfTensor) => TfTensor;
  moments(x: TfTensor, axis: number, keepDims: boolean): { mean: TfTensor; variance: TfTensor };
  softmax(x: TfTensor): TfTensor;
  logSoftmax(x: TfTensor): TfTensor;
  add(a: Operand, b: Operand): TfTensor;
  sub(a: Operand, b: Operand): TfTensor;
  mul(a: Operand, b: Operand): TfTensor;
  div(a: Operand, b: Operand): TfTensor;
  minimum(a: Operand, b: Operand): TfTensor;
  addN(list: TfTensor[]): TfTensor;
  sum(x: TfTensor): TfTensor;
  square(x: TfTensor): TfTensor;
  sqrt(x: TfTensor): TfTensor;
  rsqrt(x: TfTensor): TfTensor;
  erf(x: TfTensor): TfTensor;
}

/** Starts it, with gradients of products that suit its backend. */
export const start = (threads: number): Promise<Trainer> => startWith(threads, false);

/** Starts it as it is. */
export const startWithOwnGradients = (threads: number): Promise<Trainer> => startWith(threads, true);

async function startWith(threads: number, ownGradients: boolean): Promise<Trainer> {
  const tf = await openTfjs<Tf>(PACKAGE, threads);
  return { about: aboutBackend(threads), train: (job) => trainOn(tf, job, ownGradients) };
}

interface Products {
  readonly matMul: (a: TfTensor, b: TfTensor) => TfTensor;
  readonly turn: (x: TfTensor) => TfTensor;
}

/**
 * `a · b`. Its backend is many times slower where an operand is to be read transposed, and its own gradient of a product
 * does that: here operands are transposed before, unless it is to be measured as it is.
 */
function products(tf: Tf, ownGradients: boolean): Products {
  const turn = (x: TfTensor) => tf.transpose(x, x.rank === 4 ? [0, 1, 3, 2] : [1, 0]);
  if (ownGradients) return { matMul: (a, b) => tf.matMul(a, b), turn };
  const matMul = tf.customGrad((a, b, save) => {
    save([a, b]);
    return {
      value: tf.matMul(a, b),
      gradFunc: (g, [a, b]) => [tf.matMul(g, turn(b)), tf.matMul(turn(a), g)],
    };
  });
  return { matMul, turn };
}

/** The loss, from tokens as one-hot rows: its backend has no gradient of a look-up. */
function lossOf(
  tf: Tf,
  { size, hyper }: Job,
  params: readonly TfTensor[],
  ownGradients: boolean,
): (x: TfTensor, y: TfTensor) => TfTensor {
  const { heads, dim, context, batch } = size, rows = batch * context, { matMul, turn } = products(tf, ownGradients);
  const mask = Float32Array.from(
    { length: context * context },
    (_, i) => i % context > Math.floor(i / context) ? -1e9 : 0,
  );
  const future = tf.tensor(mask, [context, context]);
  const norm = (x: TfTensor, weight: TfTensor) => {
    const { mean, variance } = tf.moments(x, -1, true);
    return tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, hyper.normEps))), weight);
  };
  const gelu = (x: TfTensor) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  const split = (x: TfTensor) => tf.transpose(tf.reshape(x, [batch, context, heads, dim / heads]), [0, 2, 1, 3]);
  const attention = (qkv: TfTensor) => {
    const [q, k, v] = tf.split(qkv, 3, 1).map(split);
    const scores = tf.mul(matMul(q, turn(k)), (dim / heads) ** -0.5);
    const mixed = matMul(tf.softmax(tf.add(scores, future)), v);
    return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows, dim]);
  };
  return (inputs, targets) => {
    const { table, positions, blocks, norm: last } = parts(params);
    const embedded = tf.reshape(matMul(inputs, table), [batch, context, dim]);
    let x = tf.reshape(tf.add(embedded, positions), [rows, dim]);
    for (const [norm1, qkv, out, norm2, up, down] of blocks) {
      x = tf.add(x, matMul(attention(matMul(norm(x, norm1), qkv)), out));
      x = tf.add(x, matMul(gelu(matMul(norm(x, norm2), up)), down));
    }
    const logits = matMul(norm(x, last), turn(table));
    return tf.mul(tf.sum(tf.mul(tf.logSoftmax(logits), targets)), -1 / rows);
  };
}

function trainOn(tf: Tf, job: Job, ownGradients: boolean): Step {
  const { learningRate, beta1, beta2, eps, decay, clip } = job.hyper, weights = inputMajor(job);
  const params = weights.map(({ values, shape }) => tf.variable(tf.tensor(values, shape)));
  const zeros = () => weights.map(({ shape }) => tf.variable(tf.zeros(shape), false));
  const firsts = zeros(), seconds = zeros(), loss = lossOf(tf, job, params, ownGradients);
  // The backend makes whole numbers whatever type it is asked for.
  const oneHot = (ids: readonly number[]) => tf.cast(tf.oneHot(tf.tensor1d(ids, "int32"), job.size.vocab), "float32");
  const update = (i: number, g: TfTensor, step: number) => {
    const first = tf.add(tf.mul(firsts[i], beta1), tf.mul(g, 1 - beta1));
    const second = tf.add(tf.mul(seconds[i], beta2), tf.mul(tf.square(g), 1 - beta2));
    firsts[i].assign(first);
    seconds[i].assign(second);
    const root = tf.add(tf.sqrt(tf.div(second, 1 - beta2 ** step)), eps);
    const change = tf.div(tf.mul(first, learningRate / (1 - beta1 ** step)), root);
    const kept = weights[i].shape.length === 2 ? tf.mul(params[i], 1 - learningRate * decay) : params[i];
    params[i].assign(tf.sub(kept, change));
  };
  let done = 0;
  return ({ inputs, targets }) => {
    let before = NaN;
    done++;
    tf.tidy(() => {
      const x = oneHot(inputs), y = oneHot(targets);
      const { value, grads } = tf.variableGrads(() => loss(x, y), params), raw = params.map((p) => grads[p.name]);
      const norm = tf.sqrt(tf.addN(raw.map((g) => tf.sum(tf.square(g)))));
      const factor = tf.minimum(tf.div(clip, tf.add(norm, 1e-6)), 1);
      raw.forEach((g, i) => update(i, tf.mul(g, factor), done));
      before = value.dataSync()[0];
    });
    return before;
  };
}
