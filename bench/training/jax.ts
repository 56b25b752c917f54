/** jax-js, its WebAssembly backend: the whole step is one compiled function. */
import { openJax, PACKAGE } from "../peers/jax.ts";
import { inputMajor, parts } from "./input_major.ts";
import type { Job, Step, Trainer } from "./protocol.ts";

/** What is used of an array of jax-js. An operation consumes its arguments; `ref` keeps one for another use. */
interface JaxArray {
  readonly ref: JaxArray;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  sum(): JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
}

type Loss = (params: JaxArray[], inputs: JaxArray, targets: JaxArray) => JaxArray;

/** Parameters and moments, and what one step makes of them. */
interface State {
  readonly params: JaxArray[];
  readonly first: JaxArray[];
  readonly second: JaxArray[];
}

/** `corrections` are `1 − β₁ᵗ` and `1 − β₂ᵗ`. */
type Update = (
  state: State,
  inputs: JaxArray,
  targets: JaxArray,
  corrections: JaxArray[],
) => { loss: JaxArray; state: State };

/** What is used of jax-js. */
interface Jax {
  jit(f: Update): Update;
  valueAndGrad(f: Loss): (...args: Parameters<Loss>) => [loss: JaxArray, gradients: JaxArray[]];
  blockUntilReady(tree: State): Promise<State>;
  readonly numpy: {
    readonly float32: string;
    readonly int32: string;
    array(values: Float32Array | Int32Array | number, options?: { dtype: string }): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    transpose(a: JaxArray): JaxArray;
    split(a: JaxArray, sections: number, axis: number): JaxArray[];
    take(a: JaxArray, indices: JaxArray, axis: number): JaxArray;
    sqrt(a: JaxArray): JaxArray;
    minimum(a: JaxArray, b: JaxArray | number): JaxArray;
  };
  readonly nn: {
    standardize(x: JaxArray, axis: number, options: { epsilon: number }): JaxArray;
    gelu(x: JaxArray, options: { approximate: boolean }): JaxArray;
    dotProductAttention(q: JaxArray, k: JaxArray, v: JaxArray, options: { isCausal: boolean }): JaxArray;
    oneHot(indices: JaxArray, count: number): JaxArray & { astype(dtype: string): JaxArray };
    logSoftmax(x: JaxArray, axis: number): JaxArray;
  };
}

/** Starts it. */
export async function start(threads: number): Promise<Trainer> {
  const jax = await openJax<Jax>(threads);
  return { about: `${PACKAGE.slice(4)}, wasm, jit`, train: (job) => trainOn(jax, job) };
}

function lossOf({ numpy, nn }: Jax, { size, hyper }: Job): Loss {
  const { heads, dim, context, batch, vocab } = size, rows = batch * context;
  const norm = (x: JaxArray, weight: JaxArray) => nn.standardize(x, -1, { epsilon: hyper.normEps }).mul(weight);
  return (params, inputs, targets) => {
    const { table, positions, blocks, norm: last } = parts(params);
    const embedded = numpy.matmul(nn.oneHot(inputs, vocab).astype(numpy.float32), table.ref);
    let x = embedded.reshape([batch, context, dim]).add(positions).reshape([rows, dim]);
    for (const [norm1, qkv, out, norm2, up, down] of blocks) {
      const projected = numpy.matmul(norm(x.ref, norm1), qkv).reshape([batch, context, 3, heads, dim / heads]);
      const [q, k, v] = numpy.split(projected, 3, 2).map((t) => t.reshape([batch, context, heads, dim / heads]));
      const mixed = nn.dotProductAttention(q, k, v, { isCausal: true }).reshape([rows, dim]);
      x = x.add(numpy.matmul(mixed, out));
      const hidden = nn.gelu(numpy.matmul(norm(x.ref, norm2), up), { approximate: false });
      x = x.add(numpy.matmul(hidden, down));
    }
    const logits = numpy.matmul(norm(x, last), numpy.transpose(table));
    const wanted = nn.oneHot(targets, vocab).astype(numpy.float32);
    return nn.logSoftmax(logits, -1).mul(wanted).sum().mul(-1 / rows);
  };
}

function trainOn(jax: Jax, job: Job): Step {
  const { numpy } = jax, weights = inputMajor(job), { learningRate, beta1, beta2, eps, decay, clip } = job.hyper;
  const gradientsOf = jax.valueAndGrad(lossOf(jax, job));
  const update = jax.jit((state, inputs, targets, [correction1, correction2]) => {
    const [loss, raw] = gradientsOf(state.params.map((p) => p.ref), inputs, targets);
    const squares = raw.map((g) => g.ref.mul(g.ref).sum()).reduce((sum, s) => sum.add(s));
    const factor = numpy.minimum(numpy.array(clip).div(numpy.sqrt(squares).add(1e-6)), 1);
    const first: JaxArray[] = [], second: JaxArray[] = [];
    const params = state.params.map((p, i) => {
      const g = raw[i].mul(factor.ref);
      first.push(state.first[i].mul(beta1).add(g.ref.mul(1 - beta1)));
      second.push(state.second[i].mul(beta2).add(g.ref.mul(g).mul(1 - beta2)));
      const root = numpy.sqrt(second[i].ref.div(correction2.ref)).add(eps);
      const direction = first[i].ref.div(correction1.ref).div(root);
      const kept = weights[i].shape.length === 2 ? p.mul(1 - learningRate * decay) : p;
      return kept.sub(direction.mul(learningRate));
    });
    return { loss, state: { params, first, second } };
  });
  const zeros = () => weights.map(({ shape }) => numpy.zeros(shape));
  const initial = weights.map(({ values, shape }) => numpy.array(values).reshape(shape));
  let state: State = { params: initial, first: zeros(), second: zeros() }, done = 0;
  const ids = (values: readonly number[]) => numpy.array(Int32Array.from(values), { dtype: numpy.int32 });
  return async ({ inputs, targets }) => {
    done++;
    const corrections = [beta1, beta2].map((beta) => numpy.array(1 - beta ** done));
    const result = update(state, ids(inputs), ids(targets), corrections);
    state = await jax.blockUntilReady(result.state);
    return (await result.loss.data())[0];
  };
}
