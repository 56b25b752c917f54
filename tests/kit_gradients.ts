import type { Model } from "../model/decoder.ts";
import { createGradients } from "../model/gradients.ts";
import { createRandom } from "../model/random.ts";
import { size } from "../runtime/tensor.ts";

const LENGTH = 9;
/** The second, less exact, is for models with kinks, where differences over the first mean nothing. */
const STEPS = [1e-2, 1e-3];

/**
 * The laws of gradients: along the gradient of each parameter, mixed with a random direction, the loss changes as the
 * gradient says (central differences of fourth order), and blocks that are run again and two threads give the same bits.
 */
export async function checkGradients(
  [one, two]: readonly [Model, Model],
  slack = 2e-3,
): Promise<void> {
  const what = JSON.stringify(one.config), { vocab } = one.config, random = createRandom(3, "tokens");
  const draw = () => Array.from({ length: 2 * LENGTH }, () => Math.floor(random() * vocab));
  const example = { inputs: draw(), targets: draw() }, { runtime } = one;
  using gradients = createGradients(one);
  await gradients.add(example, { batch: 2 });
  const all = await Promise.all(gradients.params.map((p) => runtime.read(p.gradient)));
  for (
    const [model, options, law] of [
      [one, { recompute: true }, "Blocks that are run again must give the same gradients"],
      [two, {}, "Two threads must give the gradients of one"],
    ] as const
  ) {
    using again = createGradients(model);
    await again.add(example, { batch: 2, ...options });
    for (const [i, { name, gradient }] of again.params.entries()) {
      const values = await model.runtime.read(gradient);
      if (values.some((v, j) => v !== all[i][j])) throw new Error(`${law}: that of ${name} differs, for ${what}`);
    }
  }

  const loss = async () => {
    const rows = await runtime.scope(() =>
      runtime.read(runtime.ops.crossEntropy(one.forward(example.inputs, { batch: 2 }), example.targets))
    );
    return rows.reduce((sum, v) => sum + v, 0) / rows.length;
  };
  for (const [i, { name, param }] of gradients.params.entries()) {
    const g = all[i], values = await runtime.read(param), noise = g.map(() => random() - 0.5);
    if (!g.every(Number.isFinite)) throw new Error(`The gradient of ${name} must be finite, for ${what}`);
    const [norm, length] = [g, noise].map((v) => Math.hypot(...v));
    const direction = noise.map((v, j) => v / length + (norm ? g[j] / norm : 0));
    const at = async (h: number) => {
      runtime.write(param, values.map((v, j) => v + h * direction[j]));
      return await loss();
    };
    const slope = g.reduce((sum, v, j) => sum + v * direction[j], 0);
    let difference = NaN;
    for (const h of STEPS) {
      difference = (await at(-2 * h) - 8 * await at(-h) + 8 * await at(h) - await at(2 * h)) / (12 * h);
      if (Math.abs(slope - difference) <= slack * (norm + Math.abs(slope)) + 1e-6 / h) break;
      if (h > STEPS[1]) continue;
      throw new Error(
        `The gradient of ${name} [${param.shape}] must be the slope of the loss: it is ${slope}, expected ${difference}, ` +
          `for ${what}`,
      );
    }
    runtime.write(param, values);
    if (g.length !== size(param.shape)) throw new Error(`The gradient of ${name} must have its shape`);
  }
}
