/** jax-js, its WebAssembly backend. */
import { prepareProduct } from "./measure.ts";
import type { Runner } from "./protocol.ts";

/** The package. */
export const PACKAGE = "npm:@jax-js/jax@0.1.25";

/** What is used of an array of jax-js. An operation consumes its arguments; `ref` keeps one for another use. */
interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: number[]): JaxArray;
  blockUntilReady(): Promise<JaxArray>;
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** What its start needs of jax-js. */
interface JaxStart {
  init(backend: string): Promise<string[]>;
  defaultDevice(backend: string): void;
}

/** What is used of jax-js for products. */
interface Jax {
  jit(f: (a: JaxArray, b: JaxArray) => JaxArray): (a: JaxArray, b: JaxArray) => JaxArray;
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
  };
}

/** Loads it, with as many threads as it believes the machine to have. `J` is what the caller uses of it. */
export async function openJax<J>(threads: number): Promise<J> {
  // It has no setting for threads.
  Object.defineProperty(navigator, "hardwareConcurrency", { get: () => threads, configurable: true });
  const jax = await import(PACKAGE) as J & JaxStart;
  if (!(await jax.init("wasm")).includes("wasm")) throw new Error("it has no WebAssembly backend here");
  jax.defaultDevice("wasm");
  return jax;
}

/** Starts it. */
export async function start(threads: number): Promise<Runner> {
  const { jit, numpy } = await openJax<Jax>(threads);
  const matmul = jit((a, b) => numpy.matmul(a, b));
  return {
    about: `${PACKAGE.slice(4)}, wasm`,
    prepare(c) {
      if (c.kind !== "product") throw new Error("it is measured with products only");
      return prepareProduct(c, (left, right) => {
        const a = numpy.array(left).reshape([c.m, c.k]), b = numpy.array(right).reshape([c.k, c.n]);
        return {
          async run() {
            const result = matmul(a.ref, b.ref);
            await result.blockUntilReady();
            result.dispose();
          },
          result: () => matmul(a.ref, b.ref).data(),
          close() {
            a.dispose();
            b.dispose();
          },
        };
      });
    },
  };
}
