import { builtins } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import type { OptimizedParam, ParamKind } from "../components/optimizers/optimizer.ts";
import { createOptimizer, paramKind } from "../model/optimizing.ts";
import { clipByNorm } from "../runtime/clip.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type Layout, size } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import {
  assertClose,
  assertSameBits,
  golden,
  type GoldenTensor,
  readGolden,
  readJson,
  uniform,
  variants,
  wasmVariants,
} from "./support.ts";

type Choice = Parameters<typeof createOptimizer>[1];

interface Numbers {
  readonly params: readonly number[][];
  readonly state: ReadonlyMap<string, readonly number[]>;
}

/** What `choice` makes of one parameter "w" by steps along given gradients: its values after each, and the state. */
async function follow(
  rt: Runtime,
  choice: Choice,
  rate: number,
  start: { shape: readonly number[]; values: ArrayLike<number> },
  gradients: readonly ArrayLike<number>[],
  { kind = "matrix", layout = "rows" }: { kind?: ParamKind; layout?: Layout } = {},
): Promise<Numbers> {
  const arena = rt.arena(), [param, gradient] = [0, 1].map(() => rt.place(arena, start.shape, layout));
  rt.write(param, start.values);
  using optimizer = createOptimizer(rt, choice, [{ name: "w", param, gradient, kind }]);
  const params: number[][] = [];
  for (const [i, values] of gradients.entries()) {
    rt.write(gradient, values);
    optimizer.step(i + 1, rate);
    params.push([...await rt.read(param)]);
  }
  const state = new Map<string, number[]>();
  for (const [name, t] of optimizer.state) state.set(name, [...await rt.read(t)]);
  arena.close();
  return { params, state };
}

interface GoldenParams {
  readonly lr: number;
  readonly betas: [number, number];
  readonly eps: number;
  readonly weight_decay?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

const plain = (p: GoldenParams): Choice => ({
  type: "sgd",
  momentum: p.momentum ?? 0,
  nesterov: p.nesterov ?? false,
  decay: p.weight_decay ?? 0,
});
const adam = ({ betas: [beta1, beta2], eps, weight_decay }: GoldenParams): Choice => ({
  type: "adamW",
  beta1,
  beta2,
  eps,
  decay: weight_decay!,
});
const adamState = { exp_avg: "w.m", exp_avg_sq: "w.v" }, momentumState = { momentum_buffer: "w.b" };

/** Golden case → config, our names of PyTorch's state, and a tolerance. */
const covered: Readonly<
  Record<string, readonly [(p: GoldenParams) => Choice, Readonly<Record<string, string>>, number]>
> = {
  "adamw/default_wd0.1": [adam, adamState, 2e-6],
  "adamw/no_wd": [adam, adamState, 2e-6],
  "adamw/big_eps_tiny_grads": [adam, adamState, 2e-6],
  "other_optimizers/sgd": [plain, {}, 2e-6],
  "other_optimizers/sgd_momentum_wd": [plain, momentumState, 2e-6],
  "other_optimizers/sgd_nesterov": [plain, momentumState, 2e-6],
  "other_optimizers/torch_adafactor": [() => "adafactor", { row_var: "w.rows", col_var: "w.columns" }, 2e-6],
  // PyTorch iterates in bf16; the test below compares with f64.
  "other_optimizers/torch_muon": [() => ({ type: "muon", scale: "original" }), { momentum_buffer: "w.m" }, 2e-3],
};

/** Golden cases of optimizers that Tenon does not have. */
const later = new Set([
  "adamw/amsgrad",
  ...["adam_l2", "rmsprop", "adagrad"].map((name) => `other_optimizers/${name}`),
]);

const index = readJson<Record<string, Record<string, { params: unknown }>>>(new URL("ops/index.json", golden));
const families = new Map(["adamw", "other_optimizers", "grad_clip"].map((family) => [
  family,
  readGolden(new URL(`ops/${family}.safetensors`, golden)),
]));
const goldenOf = (family: string, name: string): GoldenTensor => families.get(family)!.get(name)!;

for (const variant of variants) {
  Deno.test(`ten steps of every optimizer are PyTorch's on ${variant.name}`, async () => {
    using rt = await variant.open();
    for (const family of ["adamw", "other_optimizers"]) {
      for (const [name, { params }] of Object.entries(index[family])) {
        const path = `${family}/${name}`, found = covered[path];
        if (!found && later.has(path)) continue;
        if (!found) throw new Error(`${path} is neither covered nor put off`);
        const [choice, states, tolerance] = found,
          p = params as GoldenParams,
          of = (key: string) => goldenOf(family, `${name}/${key}`);
        const g = of("in.g").values, start = of("in.p"), n = size(start.shape), expected = of("param_after").values;
        for (const layout of ["rows", "panels"] as const) {
          const gradients = Array.from({ length: 10 }, (_, i) => g.subarray(i * n, (i + 1) * n));
          const { params, state } = await follow(rt, choice(p), p.lr, start, gradients, { layout });
          params.forEach((values, i) =>
            assertClose(values, expected.subarray(i * n, (i + 1) * n), tolerance, `${path} in ${layout}, step ${i + 1}`)
          );
          for (const [theirs, ours] of Object.entries(states)) {
            assertClose(state.get(ours)!, of(`state.${theirs}`).values, 2e-6, `${path} in ${layout}, ${theirs}`);
          }
        }
      }
    }
  });
}

/** Rows of `a [n, k]` times rows of `b [m, k]`. */
const timesTransposed = (a: number[][], b: number[][]) =>
  a.map((x) => b.map((y) => x.reduce((sum, v, i) => sum + v * y[i], 0)));
const transpose = (a: number[][]) => a[0].map((_, i) => a.map((row) => row[i]));

/** Newton–Schulz as Jordan et al. write it, in f64. */
function newtonSchulz(u: number[][]): number[][] {
  if (u.length > u[0].length) return transpose(newtonSchulz(transpose(u)));
  const norm = Math.sqrt(u.flat().reduce((sum, v) => sum + v * v, 0));
  let x = u.map((row) => row.map((v) => v / Math.max(norm, 1e-7)));
  for (let step = 0; step < 5; step++) {
    const gram = timesTransposed(x, x), square = timesTransposed(gram, gram);
    const factor = gram.map((row, i) => row.map((v, j) => -4.775 * v + 2.0315 * square[i][j]));
    const change = timesTransposed(factor, transpose(x));
    x = x.map((row, i) => row.map((v, j) => 3.4445 * v + change[i][j]));
  }
  return x;
}

for (const variant of variants) {
  Deno.test(`Muon is the formula in f64, wide and tall, on ${variant.name}`, async () => {
    using rt = await variant.open();
    for (const [n, k] of [[1, 1], [3, 17], [8, 8], [19, 6], [24, 40]]) {
      for (
        const [scale, factor] of [["original", Math.sqrt(Math.max(1, n / k))], [
          "adamW",
          0.2 * Math.sqrt(Math.max(n, k)),
        ]] as const
      ) {
        const start = uniform(n * k, 1), gradients = [2, 3, 4].map((seed) => uniform(n * k, seed));
        const p = [...start], m = Array<number>(n * k).fill(0);
        for (const g of gradients) {
          m.forEach((v, i) => m[i] = 0.95 * v + 0.05 * g[i]);
          const u = newtonSchulz(
            Array.from(
              { length: n },
              (_, r) => Array.from({ length: k }, (_, i) => 0.05 * g[r * k + i] + 0.95 * m[r * k + i]),
            ),
          );
          u.flat().forEach((v, i) => p[i] = (1 - 0.02 * 0.1) * p[i] - 0.02 * factor * v);
        }
        for (const layout of ["rows", "panels"] as const) {
          const { params } = await follow(
            rt,
            { type: "muon", scale },
            0.02,
            { shape: [n, k], values: start },
            gradients,
            { layout },
          );
          assertClose(params[2], p, 5e-6, `muon, ${n}×${k} in ${layout}, ${scale}`);
        }
      }
    }
  });

  Deno.test(`Lion is the formula in f64, and Adafactor on vectors, on ${variant.name}`, async () => {
    using rt = await variant.open();
    const n = 37, start = uniform(n, 1), gradients = [2, 3, 4, 5].map((seed) => uniform(n, seed));
    const p = [...start], m = Array<number>(n).fill(0);
    for (const g of gradients) {
      for (let i = 0; i < n; i++) {
        p[i] = (1 - 0.01 * 0.5) * p[i] - 0.01 * Math.sign(0.9 * m[i] + 0.1 * g[i]);
        m[i] = 0.99 * m[i] + 0.01 * g[i];
      }
    }
    const lion = await follow(rt, "lion", 0.01, { shape: [1, n], values: start }, gradients);
    assertClose(lion.params[3], p, 2e-6, "lion");
    assertClose(lion.state.get("w.m")!, m, 2e-6, "lion's momentum");

    const q = [...start], v = Array<number>(n).fill(0);
    const rms = (x: readonly number[]) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
    gradients.forEach((g, i) => {
      v.forEach((old, j) => v[j] = old + (i + 1) ** -0.8 * (g[j] ** 2 - old));
      const u = v.map((second, j) => g[j] / Math.sqrt(second));
      const length = Math.min(0.8, (i + 1) ** -0.5) * Math.max(1e-3, rms(q)) / Math.max(1, rms(u) / 0.8);
      q.forEach((value, j) => q[j] = value - length * u[j]);
    });
    const options = { type: "adafactor", clip: 0.8, decay: 7 } as const;
    const factored = await follow(rt, options, 0.8, { shape: [n], values: start }, gradients, { kind: "vector" });
    assertClose(factored.params[3], q, 2e-6, "adafactor of a vector");
    assertEquals([...factored.state.keys()], ["w.v"]);
  });
}

Deno.test("a gradient that is not a number is not hidden by Lion's sign", async () => {
  for (const variant of variants) {
    using rt = await variant.open();
    const { params: [p] } = await follow(
      rt,
      { type: "lion", decay: 0 },
      0.5,
      { shape: [5], values: [1, 1, 1, 1, 1] },
      [[NaN, 0, Infinity, -Infinity, -0]],
    );
    assertEquals(p, [NaN, 1, 0.5, 1.5, 1], variant.name);
  }
});

const optimizers = (builtins as readonly Component[]).filter((c) => c.slot === "optimizer");

Deno.test("weights decay, vectors never, embeddings as decayEmbeddings says", async () => {
  using rt = await wasmVariants[2].open();
  for (const { type } of optimizers) {
    const after = async (kind: ParamKind, decayEmbeddings: boolean) => {
      const choice = { type, decay: 0.5, decayEmbeddings } as Choice, shape = kind === "vector" ? [4] : [2, 2];
      return (await follow(rt, choice, 0.1, { shape, values: [1, 1, 1, 1] }, [[0, 0, 0, 0]], { kind })).params[0][3];
    };
    for (const kind of ["matrix", "head", "embedding", "vector"] as const) {
      for (const decayEmbeddings of [true, false]) {
        const decays = kind === "embedding" ? decayEmbeddings : kind !== "vector";
        assertClose(
          [await after(kind, decayEmbeddings)],
          [decays ? 0.95 : 1],
          1e-6,
          `${type}, ${kind}, ${decayEmbeddings}`,
        );
      }
    }
  }
});

Deno.test("changing any option of an optimizer changes its steps", async () => {
  using rt = await wasmVariants[2].open();
  const others: Record<string, unknown> = {
    beta1: 0,
    beta2: 0.5,
    eps: 0.1,
    decay: 3,
    decayEmbeddings: false,
    momentum: 0.5,
    nesterov: true,
    power: 0.5,
    "adafactor.scale": 3,
    clip: 0.1,
    "muon.scale": "original",
    adamRate: 0.1,
  };
  for (const { type, options } of optimizers) {
    const steps = async (config: object) => {
      const gradients = [1, 2, 3, 4].map((seed) => uniform(72, seed)), values = uniform(72, 0);
      const numbers = await Promise.all((["matrix", "embedding", "vector"] as const).map((kind) => {
        const start = { shape: kind === "vector" ? [72] : [8, 9], values };
        return follow(rt, { type, decay: 0.2, ...config } as Choice, 0.1, start, gradients, { kind });
      }));
      return JSON.stringify(numbers.map((n) => n.params));
    };
    for (const key of Object.keys(options as object)) {
      const value = others[`${type}.${key}`] ?? others[key];
      assert(value !== undefined, `${type}.${key} has no other value here`);
      assert(await steps({}) !== await steps({ [key]: value }), `${type}.${key} does nothing`);
    }
  }
});

for (const variant of variants) {
  Deno.test(`gradients are clipped as PyTorch does on ${variant.name}`, async () => {
    using rt = await variant.open();
    for (const [name, { params }] of Object.entries(index.grad_clip)) {
      const of = (key: string) => goldenOf("grad_clip", `${name}/${key}`), arena = rt.arena();
      const gradients = ["g0", "g1", "g2"].map((key, i) => {
        const { shape, values } = of(`in.${key}`), t = rt.place(arena, shape, i ? "rows" : "panels");
        rt.write(t, values);
        return t;
      });
      const norm = await clipByNorm(rt, gradients, (params as { max_norm: number }).max_norm);
      assertClose([norm], of("total_norm").values, 1e-7, `${name}: norm`);
      for (const [i, t] of gradients.entries()) {
        assertClose(await rt.read(t), of(`out.g${i}`).values, 1e-7, `${name}: g${i}`);
      }
      arena.close();
    }
  });
}

Deno.test("the norm of gradients has the same bits on any number of threads and in both builds", async () => {
  const norms = await Promise.all(wasmVariants.map(async (variant) => {
    using rt = await variant.open();
    const gradients = [[70, 130], [5], [4097]].map((shape, i) => rt.tensor(shape, uniform(size(shape), i)));
    const norm = await clipByNorm(rt, gradients, 1e-3);
    return Float32Array.of(norm, norm - Math.fround(norm), ...await rt.read(gradients[2]));
  }));
  for (const norm of norms) assertSameBits(norm, norms[0], "norm");
});

Deno.test("a norm that is not finite is returned, and nothing is clipped", async () => {
  using rt = await wasmVariants[2].open();
  for (const [bad, norm] of [[NaN, NaN], [Infinity, Infinity], [3e38, Infinity]]) {
    const gradient = rt.tensor([3], [1, bad, 2]);
    assertEquals(await clipByNorm(rt, [gradient], 1), norm);
    assertEquals([...await rt.read(gradient)], [1, Math.fround(bad), 2]);
  }
  const error = await assertRejects(() => clipByNorm(rt, [], 0), RangeError);
  assertEquals(error.message, "Cannot clip to a norm of 0, expected a number above 0");
  assertEquals(await clipByNorm(rt, [], 1), 0);
});

Deno.test("an optimizer refuses gradients that lie otherwise, steps and rates out of range, names and options unknown", async () => {
  using rt = await wasmVariants[2].open();
  const param = rt.temp([2, 3], "f32", "panels");
  const build = (choice: Choice, gradient = param, names = ["w"]) =>
    createOptimizer(rt, choice, names.map((name): OptimizedParam => ({ name, param, gradient, kind: "matrix" })));
  const messages: [() => unknown, string][] = [
    [
      () => build("adamW", rt.temp([2, 3])),
      "Cannot optimize w: the gradient is f32 [2, 3], expected f32 [2, 3] in panels",
    ],
    [() => build("adamW", param, ["w", "w"]), "Cannot declare w.m twice, expected a name of its own"],
    [
      () => build("adam" as never),
      'Cannot build optimizer: unknown type "adam", expected one of "adamW", "sgd", "lion", "adafactor", "muon"',
    ],
    [
      () => build({ type: "lion", eps: 1 } as never),
      'Cannot build optimizer: "lion" has no option "eps", expected "beta1", "beta2", "decay", "decayEmbeddings"',
    ],
    [
      () => build({ type: "adamW", eps: 0 }),
      "Cannot build optimizer.eps: current value is 0, expected a number from 1e-30",
    ],
  ];
  for (const [run, message] of messages) assertEquals(assertThrows(run, TypeError).message, message);
  using sgd = build("sgd");
  const ranges: [number, number, string][] = [
    [0, 1, "Cannot make step 0, expected a whole number from 1"],
    [1, -1, "Cannot make step 1 with learning rate -1, expected a number from 0"],
    [1, NaN, "Cannot make step 1 with learning rate NaN, expected a number from 0"],
  ];
  for (const [step, rate, message] of ranges) {
    assertEquals(assertThrows(() => sgd.step(step, rate), RangeError).message, message);
  }
});

Deno.test("an optimizer's state lies as its parameters do, starts at zero and is given back", async () => {
  using rt = await wasmVariants[2].open();
  const matrix = rt.temp([9, 3], "f32", "panels"), vector = rt.temp([5]), before = rt.backend.memory.used;
  const params: OptimizedParam[] = [
    { name: "a.weight", param: matrix, gradient: matrix, kind: "matrix" },
    { name: "a.bias", param: vector, gradient: vector, kind: "vector" },
  ];
  const names: Readonly<Record<string, readonly string[]>> = {
    adamW: ["a.weight.m", "a.weight.v", "a.bias.m", "a.bias.v"],
    sgd: ["a.weight.b", "a.bias.b"],
    lion: ["a.weight.m", "a.bias.m"],
    adafactor: ["a.weight.rows", "a.weight.columns", "a.bias.v"],
    muon: ["a.bias.m", "a.bias.v", "a.weight.m"],
  };
  for (const { type } of optimizers) {
    const optimizer = createOptimizer(rt, type as never, params);
    assertEquals([...optimizer.state.keys()], names[type]);
    for (const t of optimizer.state.values()) assert((await rt.read(t)).every((v) => v === 0));
    assert(optimizer.bytes > 0 && rt.backend.memory.used > before);
    optimizer.close();
    assertEquals(rt.backend.memory.used, before);
  }
  using none = createOptimizer(rt, { type: "sgd", momentum: 0 }, params);
  assertEquals([none.state.size, none.config], [0, {
    type: "sgd",
    momentum: 0,
    nesterov: false,
    decay: 0,
    decayEmbeddings: true,
  }]);
});

Deno.test("what a parameter is for follows from its name and shape", () => {
  assertEquals(paramKind("embedding.weight", [9, 4]), "embedding");
  assertEquals(paramKind("position.table", [9, 4]), "embedding");
  assertEquals(paramKind("head.weight", [9, 4]), "head");
  assertEquals(paramKind("blocks.0.attention.out.weight", [4, 4]), "matrix");
  assertEquals(paramKind("blocks.0.norm1.weight", [4]), "vector");
  assertEquals(paramKind("head.bias", [9]), "vector");
});
