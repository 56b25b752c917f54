import { builtins } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import { createRandom } from "../model/random.ts";
import { buildSamplers, chooseToken } from "../model/sampling.ts";
import { draw, logSumExp } from "../components/samplers/sampler.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";
import { golden, readGolden } from "./support.ts";

const file = readGolden(new URL("ops/sampling.safetensors", golden));
const rows = (name: string) => {
  const { shape: [n, width], values } = file.get(name)!;
  return Array.from({ length: n }, (_, r) => [...values.subarray(r * width, (r + 1) * width)]);
};

for (
  const [name, sampler] of [
    ["temperature_0_7", { type: "temperature", value: 0.7 }],
    ["top_k_5", { type: "topK", k: 5 }],
    ["top_p_0_9", { type: "topP", p: 0.9 }],
    ["top_p_0_3", { type: "topP", p: 0.3 }],
    ["min_p_0_1", { type: "minP", p: 0.1 }],
    ["typical_0_5", { type: "typical", p: 0.5 }],
    ["repetition_1_3", { type: "repetition", penalty: 1.3 }],
  ] as const
) {
  Deno.test(`${sampler.type} changes logits as PyTorch's does: ${name}`, () => {
    const [built] = buildSamplers([sampler], 20), expected = rows(`${name}/out`), histories = rows("in.history");
    rows("in.logits").forEach((logits, r) => {
      const actual = Float32Array.from(logits);
      built.apply(actual, { tokens: histories[r], promptLength: 0 });
      actual.forEach((v, i) => {
        const e = expected[r][i];
        assert(v === e || Math.abs(v - e) < 1e-6 * (1 + Math.abs(e)), `row ${r} token ${i} is ${v}, expected ${e}`);
      });
    });
  });
}

/** Probabilities of tokens after a chain, by its definition: softmax of what the samplers leave. */
function probabilities(chain: readonly unknown[], logits: readonly number[], tokens: number[] = []): number[] {
  const left = Float32Array.from(logits);
  for (const s of buildSamplers(chain, logits.length)) s.apply(left, { tokens, promptLength: 0 });
  const total = logSumExp(left);
  return Array.from(left, (v) => Math.exp(v - total));
}

/** Pearson's statistic of `n` draws against probabilities, over the tokens that can occur. */
function chiSquare(
  counts: readonly number[],
  expected: readonly number[],
  n: number,
): [statistic: number, freedom: number] {
  let statistic = 0, kinds = 0;
  expected.forEach((p, i) => {
    if (p === 0) assertEquals(counts[i], 0, `token ${i} was removed`);
    else {
      statistic += (counts[i] - n * p) ** 2 / (n * p);
      kinds++;
    }
  });
  return [statistic, kinds - 1];
}

/** One choice for each sampler. */
const chains: Record<string, readonly unknown[]> = {
  "no samplers": [],
  temperature: [{ type: "temperature", value: 0.6 }],
  topK: [{ type: "topK", k: 4 }],
  topP: [{ type: "topP", p: 0.7 }],
  minP: [{ type: "minP", p: 0.15 }],
  typical: [{ type: "typical", p: 0.8 }],
  repetition: [{ type: "repetition", penalty: 2 }],
  frequency: [{ type: "frequency", penalty: 0.7 }],
  presence: [{ type: "presence", penalty: 1.5 }],
  "all of them": [
    "repetition",
    "frequency",
    "presence",
    "temperature",
    { type: "topK", k: 8 },
    "topP",
    "minP",
    "typical",
  ],
};

for (const [name, chain] of Object.entries(chains)) {
  Deno.test(`draws after ${name} have the distribution that it defines (chi-square, 20,000 draws)`, () => {
    const logits = [2.1, 1.9, 0.4, -0.3, 1.2, 0.9, -1.5, 0.1, 1.6, -0.8], tokens = [0, 3, 0, 8], n = 20_000;
    const random = createRandom(5, name), samplers = buildSamplers(chain, logits.length), counts = Array(10).fill(0);
    for (let i = 0; i < n; i++) {
      counts[chooseToken(Float32Array.from(logits), samplers, [], { tokens, promptLength: 0 }, random, 0).id]++;
    }
    const [statistic, freedom] = chiSquare(counts, probabilities(chain, logits, tokens), n);
    // Mean + 4 deviations of chi-square: one run in tens of thousands would exceed it.
    assert(statistic <= freedom + 4 * Math.sqrt(2 * freedom), `χ² is ${statistic} with ${freedom} degrees of freedom`);
  });
}

Deno.test("the order of samplers is the order of their list", () => {
  const logits = [3, 2, 1, 0], sharp = { type: "temperature", value: 0.3 }, nucleus = { type: "topP", p: 0.9 };
  const before = probabilities([sharp, nucleus], logits).filter(Boolean).length;
  const after = probabilities([nucleus, sharp], logits).filter(Boolean).length;
  assertEquals([before, after], [1, 3]);
});

Deno.test("frequency and presence count generated tokens only, each in its way", () => {
  const left = (type: string, tokens: number[]) => {
    const logits = Float32Array.of(0, 0, 0);
    buildSamplers([{ type, penalty: 1 }], 3)[0].apply(logits, { tokens, promptLength: 2 });
    return [...logits];
  };
  assertEquals(left("frequency", [0, 0, 1, 1, 2]), [0, -2, -1]);
  assertEquals(left("presence", [0, 0, 1, 1, 2]), [0, -1, -1]);
});

Deno.test("repetition looks back as far as it is told", () => {
  const logits = Float32Array.of(2, 2, -2);
  buildSamplers([{ type: "repetition", penalty: 2, last: 2 }], 3)[0].apply(logits, {
    tokens: [0, 1, 2],
    promptLength: 3,
  });
  assertEquals([...logits], [2, 1, -4]);
});

Deno.test("greedy takes the first of the likeliest, and draw() never takes what was removed", () => {
  const logits = Float32Array.of(1, 5, 5, -Infinity);
  buildSamplers(["greedy"], 4)[0].apply(logits, { tokens: [], promptLength: 0 });
  assertEquals([...logits], [-Infinity, 5, -Infinity, -Infinity]);
  for (const u of [0, 0.5, 1 - 2 ** -33]) assertEquals(draw(Float32Array.of(-Infinity, 0, -Infinity), () => u), 1);
});

Deno.test("log-probabilities are the model's own, and `top` lists the likeliest", () => {
  const logits = [0.5, 3, 1, 2], total = Math.log(logits.reduce((sum, v) => sum + Math.exp(v), 0));
  const token = chooseToken(
    Float32Array.from(logits),
    buildSamplers([{ type: "topK", k: 1 }], 4),
    [],
    { tokens: [], promptLength: 0 },
    () => 0.3,
    2,
  );
  assertEquals(token.id, 1);
  assert(Math.abs(token.logprob - (3 - total)) < 1e-6);
  assertEquals(token.top.map((t) => t.id), [1, 3]);
  assert(Math.abs(token.top[1].logprob - (2 - total)) < 1e-6);
});

Deno.test("samplers with wrong names, options or values are refused", () => {
  const build = (sampler: unknown) => () => buildSamplers([sampler], 5);
  assertThrows(build("topk"), TypeError, 'Cannot build samplers[0]: unknown type "topk", expected one of "repetition"');
  assertThrows(
    build({ type: "topK", n: 5 }),
    TypeError,
    'Cannot build samplers[0]: "topK" has no option "n", expected "k"',
  );
  assertThrows(
    build({ type: "topK", k: 0 }),
    TypeError,
    "samplers[0].k: current value is 0, expected a whole number from 1",
  );
  assertThrows(build({ type: "topP", p: 0 }), TypeError, "expected a number above 0 up to 1");
});

Deno.test("logits that are not finite, and a chain that removes every token, are errors", () => {
  const choose = (logits: number[], samplers: unknown[], extra: Component[] = []) => () =>
    chooseToken(
      Float32Array.from(logits),
      buildSamplers(samplers, 2, extra),
      [],
      { tokens: [], promptLength: 0 },
      () => 0,
      0,
    );
  assertThrows(choose([NaN, 1], []), RangeError, "the logits are not finite");
  const nothing: Component<"sampler", "nothing", Record<never, never>> = {
    slot: "sampler",
    type: "nothing",
    options: {},
    build: () => ({ apply: (logits) => void logits.fill(-Infinity) }),
  };
  assertThrows(choose([0, 1], ["nothing"], [nothing as Component]), RangeError, "the samplers removed every one");
});

Deno.test("every sampler has a distribution test", () => {
  const tested = new Set([...Object.keys(chains), "greedy"]);
  for (const { slot, type } of builtins) assert(slot !== "sampler" || tested.has(type), `${type} has none`);
});
