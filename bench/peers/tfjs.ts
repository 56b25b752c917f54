/** TensorFlow.js, its WebAssembly backend: XNNPACK. */
import { prepareProduct } from "./measure.ts";
import type { Runner } from "./protocol.ts";

/** Of all its packages. */
export const VERSION = "4.22.0";
const CORE = `npm:@tensorflow/tfjs-core@${VERSION}`, BACKEND = `npm:@tensorflow/tfjs-backend-wasm@${VERSION}`;

/** What is used of a tensor. */
interface TfTensor {
  dataSync(): Float32Array;
  dispose(): void;
}

/** What its start needs of tfjs. */
interface TfStart {
  env(): { set(flag: string, value: boolean): void };
  setBackend(name: string): Promise<boolean>;
}

/** What is used of tfjs-core for products. */
interface TfCore {
  tensor2d(values: Float32Array, shape: [number, number]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
}

/** What is used of tfjs-backend-wasm. */
interface TfBackend {
  setWasmPaths(folder: string, useFetch: boolean): void;
  setThreadsCount(threads: number): void;
  getThreadsCount(): number;
}

/**
 * Loads `core`, a package that holds tfjs-core, with the WebAssembly backend; throws where it does not get its threads.
 * `T` is what the caller uses of it.
 */
export async function openTfjs<T>(core: string, threads: number): Promise<T> {
  const tf = await import(core) as T & TfStart, backend = await import(BACKEND) as TfBackend;
  if (threads > 1) await allowThreads(tf, threads);
  backend.setWasmPaths(packageFile("dist/"), true);
  backend.setThreadsCount(threads);
  if (!await tf.setBackend("wasm")) throw new Error("its WebAssembly backend does not start");
  const real = backend.getThreadsCount();
  if (real !== threads) throw new Error(`it has ${real} threads, asked for ${threads}`);
  return tf;
}

/** Name and version of the backend. */
export function aboutBackend(threads: number): string {
  return `${BACKEND.slice(4)}, ${threads > 1 ? "threaded SIMD" : "SIMD"}`;
}

/** Starts it. */
export async function start(threads: number): Promise<Runner> {
  const tf = await openTfjs<TfCore>(CORE, threads);
  return {
    about: aboutBackend(threads),
    prepare(c) {
      if (c.kind !== "product") throw new Error("it is measured with products only");
      return prepareProduct(c, (left, right) => {
        const a = tf.tensor2d(left, [c.m, c.k]), b = tf.tensor2d(right, [c.k, c.n]);
        return {
          run: () => tf.matMul(a, b).dispose(),
          result() {
            const product = tf.matMul(a, b), values = product.dataSync();
            product.dispose();
            return values;
          },
          close() {
            a.dispose();
            b.dispose();
          },
        };
      });
    },
  };
}

/**
 * Its threads are meant for browsers: Emscripten starts a classic worker, which gets its program by `importScripts`.
 * Deno has neither, so each worker becomes one module that holds both, with an `importScripts` that does nothing.
 */
async function allowThreads(tf: TfStart, threads: number): Promise<void> {
  const folder = "wasm-out/tfjs-backend-wasm-threaded-simd";
  const [program, worker] = await Promise.all([
    Deno.readTextFile(new URL(packageFile(`${folder}.js`))),
    import(packageFile(`${folder}.worker.js`)) as Promise<{ wasmWorkerContents: string }>,
  ]);
  const source = `
    delete globalThis.process; // or else it takes Deno for Node
    ${program}
    globalThis.importScripts = () => {};
    ${worker.wasmWorkerContents.replaceAll("\n", "\\n")}`; // a line break in a string of it, as tfjs does
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  globalThis.Worker = class extends Worker {
    constructor() {
      super(url, { type: "module" });
    }
  };
  Reflect.deleteProperty(globalThis, "process");
  Object.defineProperty(globalThis, "window", { value: globalThis, configurable: true });
  // It takes at most half of the processors that it sees.
  Object.defineProperty(navigator, "hardwareConcurrency", { get: () => 2 * threads, configurable: true });
  // The test that would set this sees Node, whose workers it does not support, before `process` is gone.
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", true);
}

/** The URL of a file of the package; known once it has been imported. */
function packageFile(path: string): string {
  return import.meta.resolve(`${BACKEND}/package.json`).replace(/package\.json$/, path);
}
