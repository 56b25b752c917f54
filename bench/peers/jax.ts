/** jax-js, its WebAssembly backend. */
import { prepareProduct } from "./measure.ts";
import type { Runner } from "./protocol.ts";

const PACKAGE = "npm:@jax-js/jax@0.1.25";

/** What is used of an array of jax-js. An operation consumes its arguments; `ref` keeps one for another use. */
interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: number[]): JaxArray;
  blockUntilReady(): Promise<JaxArray>;
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** What is used of jax-js. */
interface Jax {
  init(backend: string): Promise<string[]>;
  defaultDevice(backend: string): void;
  jit(f: (a: JaxArray, b: JaxArray) => JaxArray): (a: JaxArray, b: JaxArray) => JaxArray;
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
  };
}

/** Starts it with as many threads as it believes the machine to have. */
export async function start(threads: number): Promise<Runner> {
  // It has no setting for threads.
  Object.defineProperty(navigator, "hardwareConcurrency", { get: () => threads, configurable: true });
  const { init, defaultDevice, jit, numpy } = await import(PACKAGE) as Jax;
  if (!(await init("wasm")).includes("wasm")) throw new Error("it has no WebAssembly backend here");
  defaultDevice("wasm");
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
