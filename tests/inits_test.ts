import { builtins } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import { uniform } from "../components/init.ts";
import type { ModelConfig } from "../model/config.ts";
import { createModel } from "../model/decoder.ts";
import { createRandom } from "../model/random.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

const sizes: ModelConfig = { vocab: 300, context: 8, dim: 64, depth: 3, heads: 4, feedForward: "gelu", tied: false };

/** Deviation of each role in a model of those sizes, and whether numbers are normal or uniform. */
interface Expected {
  readonly init: ModelConfig["init"];
  readonly tied?: boolean;
  readonly embedding: number;
  readonly head?: number;
  /** `[64, 64]`. */
  readonly q: number;
  /** `[64, 64]`, ends a branch. */
  readonly out: number;
  /** `[256, 64]`. */
  readonly up: number;
  /** `[64, 256]`, ends a branch. */
  readonly down: number;
  readonly uniform?: true;
  /** The embedding is normal though the rest is uniform. */
  readonly normalEmbedding?: true;
}

const small = Math.sqrt(2 / (5 * 64)), wang = 2 / (3 * Math.sqrt(64));
const expectations: readonly Expected[] = [
  { init: undefined, embedding: 0.02, head: 0.02, q: 0.02, out: 0.02, up: 0.02, down: 0.02 },
  {
    init: { type: "normal", std: 0.1, residual: true },
    embedding: 0.1,
    head: 0.1,
    q: 0.1,
    out: 0.1 / Math.sqrt(6),
    up: 0.1,
    down: 0.1 / Math.sqrt(6),
  },
  ...(["uniform", "normal"] as const).map((distribution): Expected => ({
    init: { type: "xavier", distribution, gain: 2 },
    embedding: 2 * Math.sqrt(2 / 364),
    head: 2 * Math.sqrt(2 / 364),
    q: 2 * Math.sqrt(2 / 128),
    out: 2 * Math.sqrt(2 / 128),
    up: 2 * Math.sqrt(2 / 320),
    down: 2 * Math.sqrt(2 / 320),
    ...(distribution === "uniform" && { uniform: true }),
  })),
  {
    // nn.Linear: uniform in ±1/√inputs.
    init: "kaiming",
    embedding: 1,
    head: 1 / 8 / Math.sqrt(3),
    q: 1 / 8 / Math.sqrt(3),
    out: 1 / 8 / Math.sqrt(3),
    up: 1 / 8 / Math.sqrt(3),
    down: 1 / 16 / Math.sqrt(3),
    uniform: true,
    normalEmbedding: true,
  },
  {
    init: { type: "kaiming", distribution: "normal", gain: Math.SQRT2 },
    tied: true,
    embedding: Math.SQRT2 / 8,
    q: Math.SQRT2 / 8,
    out: Math.SQRT2 / 8,
    up: Math.SQRT2 / 8,
    down: Math.SQRT2 / 16,
  },
  { init: "t5", embedding: 1, head: 1 / 8, q: 1 / 8, out: 1 / 8, up: 1 / 8, down: 1 / 16 },
  { init: { type: "t5", factor: 3 }, tied: true, embedding: 3 / 8, q: 3 / 8, out: 3 / 8, up: 3 / 8, down: 3 / 16 },
  { init: "smallInit", embedding: small, head: small, q: small, out: small, up: small, down: small },
  {
    init: { type: "smallInit", residual: true },
    embedding: small,
    head: small,
    q: small,
    out: wang,
    up: small,
    down: wang,
  },
];

const paths = {
  embedding: "embedding.weight",
  head: "head.weight",
  q: "blocks.1.attention.q.weight",
  out: "blocks.1.attention.out.weight",
  up: "blocks.1.feedForward.up.weight",
  down: "blocks.1.feedForward.down.weight",
} as const;

/** Fails unless mean, deviation and fourth moment are within 5 standard errors of what the distribution says. */
function assertMoments(values: Float32Array, std: number, uniform: boolean, what: string): void {
  const n = values.length, kurtosis = uniform ? 9 / 5 : 3, eighth = uniform ? 9 : 105;
  let sum = 0, squares = 0, fourths = 0;
  for (const v of values) {
    sum += v / std;
    squares += (v / std) ** 2;
    fourths += (v / std) ** 4;
  }
  const within = (actual: number, expected: number, variance: number, moment: string) => {
    const errors = Math.abs(actual - expected) / Math.sqrt(variance / n);
    assert(errors < 5, `${what}: ${moment} is ${actual}, expected ${expected}, ${errors.toFixed(1)} errors away`);
  };
  within(sum / n, 0, 1, "mean");
  within(squares / n, 1, kurtosis - 1, "variance");
  within(fourths / n, kurtosis, eighth - kurtosis ** 2, "kurtosis");
  if (uniform) assert(values.every((v) => Math.abs(v) <= Math.sqrt(3) * std * (1 + 1e-6)), `${what}: out of bounds`);
}

for (const expected of expectations) {
  Deno.test(`weights start as ${JSON.stringify(expected.init) ?? "they do by default"} says`, async () => {
    using runtime = await createRuntime({ threads: 1 });
    const { init, tied = false } = expected;
    using model = createModel(runtime, { ...sizes, tied, ...(init && { init }) }, { seed: 5 });
    for (const [role, path] of Object.entries(paths)) {
      const std = expected[role as keyof typeof paths];
      assertEquals(std !== undefined, model.params.has(path), path);
      if (std === undefined) continue;
      const uniform = Boolean(expected.uniform) && !(role === "embedding" && expected.normalEmbedding);
      assertMoments(await runtime.read(model.params.get(path)!.tensor), std, uniform, path);
    }
    const gain = await runtime.read(model.params.get("blocks.0.norm1.weight")!.tensor);
    assert(gain.every((v) => v === 1), "gains stay as norms say");
  });
}

Deno.test("by default weights are the numbers they always were", async () => {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, { ...sizes, tied: true }, { seed: 1 });
  for (const [path, { tensor }] of model.params) {
    if (tensor.shape.length !== 2) continue;
    // Box and Muller, from the stream that the seed and the path name.
    const random = createRandom(1, path), values = await runtime.read(tensor);
    const radius = 0.02 * Math.sqrt(-2 * Math.log(1 - random())), angle = 2 * Math.PI * random();
    assertEquals(
      [...values.subarray(0, 2)],
      [radius * Math.cos(angle), radius * Math.sin(angle)].map(Math.fround),
      path,
    );
  }
});

Deno.test("an init that a component gives is kept, and a component of one's own may be named", async () => {
  const bands: Component<"init", "bands", Record<never, never>> = {
    slot: "init",
    type: "bands",
    options: {},
    build: (_, { depth, dim, tied }) => ({
      weight: (role, shape) => (values) => {
        values.fill(
          { embedding: 1, head: 2, linear: 3, residual: 4 }[role] + depth / 10 + dim / 1e4 + Number(tied) / 1e5,
        );
        assertEquals(values.length, shape[0] * shape[1]);
      },
    }),
  };
  const own: Component<"feedForward", "own", Record<never, never>> = {
    slot: "feedForward",
    type: "own",
    options: {},
    build: (_, { dim, linear }) => ({ forward: linear("all", dim, dim, { init: (values) => void values.fill(7) }) }),
  };
  using runtime = await createRuntime({ threads: 1 });
  const config = { ...sizes, init: "bands", feedForward: "own" } as const;
  using model = createModel(runtime, config, { components: [bands, own] });
  const first = async (path: string) => Math.round((await runtime.read(model.params.get(path)!.tensor))[0] * 1e4) / 1e4;
  assertEquals(await Promise.all([paths.embedding, paths.head, paths.q, paths.out].map(first)), [
    1.3064,
    2.3064,
    3.3064,
    4.3064,
  ]);
  assertEquals(await first("blocks.2.feedForward.all.weight"), 7);
  assertEquals(model.config.init, { type: "bands" });
});

Deno.test("a list of inits is refused: there is one for all layers", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const error = assertThrows(() => createModel(runtime, { ...sizes, init: ["normal"] } as never), TypeError);
  assertEquals(error.message, 'Cannot build init: current value is ["normal"], expected one init for all layers');
});

Deno.test("uniform() stays within its bound", () => {
  const values = new Float32Array(1000);
  uniform(0.5)(values, createRandom(1, "uniform"), [1000]);
  assertMoments(values, 0.5 / Math.sqrt(3), true, "uniform");
});

Deno.test("every init is tried here", () => {
  const tried = expectations.map(({ init }) => typeof init === "string" ? init : init?.type ?? "normal");
  for (const { slot, type } of builtins) assert(slot !== "init" || tried.includes(type as never), `${type} is not`);
});
