/** Products of matrices beside what the device multiplies at best. */
import { bytesOf } from "../../runtime/tensor.ts";
import { attempt, type Emit, percent } from "./rows.ts";
import { expectProduct, openRuntime, randomize, secondsPerRun, type Setup, type Weights } from "./setup.ts";

/** Errors of weights, and what they leave of a product, for each root of k. */
const TOLERANCE: Readonly<Record<Weights, number>> = { f32: 1e-5, f16: 1e-3, q8_0: 1e-2, q4_0: 0.15 };

/** Squares, and one row by weights that no cache holds. */
const SIZES = [[1024, 1024, 1024], [4096, 4096, 4096], [512, 2048, 5632], [1, 2048, 5632], [1, 4096, 16384]] as const;
const SMALL = [[256, 256, 256], [1, 256, 1024]] as const;

/** `x [m, k] · wᵀ [k, n]` for every size and kind of weights. */
export async function measureProducts(setup: Setup, emit: Emit): Promise<void> {
  const { ceilings, small } = setup;
  for (const weights of setup.weights) {
    for (const [m, k, n] of small ? SMALL : SIZES) {
      await attempt(emit, `${m}×${k}×${n}, ${weights} weights`, () => measureProduct(m, k, n, weights));
    }
  }

  async function measureProduct(m: number, k: number, n: number, weights: Weights): Promise<void> {
    using runtime = await openRuntime(setup);
    const arena = runtime.arena(), x = runtime.place(arena, [m, k]), out = runtime.place(arena, [m, n]);
    const w = runtime.place(arena, [n, k], "panels", weights);
    await randomize(runtime, x, 1);
    await randomize(runtime, w, 1);
    const seconds = await secondsPerRun(runtime, () => runtime.kernels.matmul(out, x, w));
    await expectProduct(runtime, out, k, TOLERANCE[weights]);
    const rate = 2 * m * k * n / seconds, bytes = bytesOf(w) / seconds;
    emit(`${m}×${k}×${n}, ${weights} weights`, {
      "µs": 1e6 * seconds,
      "TFLOP/s": rate / 1e12,
      ...(ceilings && { "of multiply-adds": percent(rate, ceilings.multiply) }),
      "GB/s of weights": bytes / 1e9,
      ...(ceilings && { "of a copy": percent(bytes, ceilings.copy) }),
    });
  }
}
