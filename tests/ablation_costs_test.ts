/** What arms cost: counts by hand, memory that is what it must be, rates that are numbers. Never a time. */
import { builtins } from "../components/builtins.ts";
import { type CostOptions, measureCosts } from "../model/ablation/costs.ts";
import type { CostArm } from "../model/ablation/rates.ts";
import { type ModelConfig, resolveConfig } from "../model/config.ts";
import { createModel } from "../model/decoder.ts";
import type { Plugin } from "../model/plugin.ts";
import { Arena } from "../runtime/arena.ts";
import { LinearMemory } from "../runtime/memory.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { bytesOf } from "../runtime/tensor.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";

const small: ModelConfig = {
  vocab: 10,
  context: 8,
  dim: 16,
  depth: 1,
  heads: 2,
  tied: false,
  position: "none",
  feedForward: { type: "relu", hidden: 32 },
};
const quick: CostOptions = { threads: 1, rounds: 1, seconds: 0 };
const arm = (config: Partial<ModelConfig> = {}, others: Partial<CostArm> = {}): CostArm => ({
  name: "arm",
  config: resolveConfig(builtins, { ...small, ...config }),
  batch: 2,
  optimizer: { type: "adamW" },
  ...others,
});
const plainSgd = { type: "sgd", momentum: 0 };

/** Bytes of the parameters of a model, as they are stored. */
async function weightBytes(config: Partial<ModelConfig> = {}): Promise<number> {
  using runtime = await createRuntime({ threads: 1 });
  using model = createModel(runtime, { ...small, ...config });
  return [...model.params.values()].reduce((sum, { tensor }) => sum + bytesOf(tensor), 0);
}

Deno.test("counts are those computed by hand, rates are finite, in the order of the arms", async () => {
  const shares: number[] = [], names: string[] = [];
  const progress = (share: number, name: string) => (shares.push(share), names.push(name));
  const arms = [arm({}, { name: "one" }), arm({ depth: 2, context: 7 }, { name: "two" })];
  const costs = (await measureCosts(arms, { ...quick, rounds: 2, seconds: 1e-3, progress }))!;
  // A block: two gains of 16, four matrices [16, 16], [32, 16] and [16, 32]. Then a gain, embedding and head [10, 16].
  const block = 2 * 16 + 4 * 256 + 2 * 512;
  assertEquals(costs.map((c) => c.bodyParameters), [block + 16, 2 * block + 16]);
  assertEquals(costs.map((c) => c.parameters), [block + 16 + 320, 2 * block + 16 + 320]);
  // Two for each weight but gains and embedding; attention 4 · 16 for each position seen, of 8 and 7 on average 4.5 and 4.
  const products = 4 * 256 + 2 * 512;
  assertEquals(costs[0].flopsPerToken, 2 * (products + 160) + 64 * 4.5);
  assertEquals(costs[1].flopsPerToken, 2 * (2 * products + 160) + 2 * 64 * 4);
  assertEquals(costs.map((c) => c.cacheBytesPerToken), [2 * 16 * 4, 2 * 2 * 16 * 4]);
  for (const { trainingRate, prefillRate, decodeRate } of costs) {
    for (const rate of [trainingRate, prefillRate, decodeRate]) assert(rate > 0 && Number.isFinite(rate), `${rate}`);
  }
  assertEquals(names, ["one", "two", "one", "two", "one", "two", "one", "two"]);
  assertEquals(shares, [1, 2, 3, 4, 5, 6, 7, 8].map((n) => n / 8));
});

Deno.test("memory: weights, gradients, what the optimizer keeps, and activations that grow with the batch", async () => {
  const weights = await weightBytes();
  const peak = async (others: Partial<CostArm>, config: Partial<ModelConfig> = {}) =>
    (await measureCosts([arm(config, others)], quick))![0].peakBytes;
  const adamW = await peak({}), sgd = await peak({ optimizer: plainSgd });
  assert(adamW > 4 * weights, `${adamW} bytes with AdamW, at least ${4 * weights} are weights, gradients and moments`);
  // Nothing else differs between the two.
  assertEquals(adamW - sgd, 2 * weights);
  assertEquals(await peak({ optimizer: { type: "sgd", momentum: 0.9 } }) - sgd, weights);
  assertEquals(await peak({}), adamW);
  // Activations alone grow with the batch, each by as much.
  const [four, six] = [await peak({ batch: 4 }), await peak({ batch: 6 })];
  assert(four > adamW + 2 * 8 * 16 * 4 * 4, `${adamW} bytes for 2 windows, ${four} for 4`);
  assert(Math.abs(six - four - (four - adamW)) < 0.02 * four, `${adamW}, ${four}, ${six} bytes for 2, 4, 6 windows`);
  // Of two tokens there is little beside weights, gradients, and one matrix transposed on the way back.
  const wide = { vocab: 5000, context: 2 }, of = await weightBytes(wide);
  const few = await peak({ batch: 1, optimizer: plainSgd }, wide);
  assert(2.5 * of < few && few < 2.7 * of, `${few} bytes, of which ${of} are weights`);
  assert(await peak({ dropout: 0.1 }) > adamW);
  assert(await peak({}, { position: "alibi" }) >= adamW + 2 * 8 * 4, "buffers of the model are left out");
});

Deno.test("arms that are too large to be open together are opened for each turn", async () => {
  let built = 0;
  const counting: Plugin = {
    name: "counting",
    layer: (slot, _, layer) => (built += slot === "position" ? 1 : 0, layer),
  };
  const arms = [arm(), arm({ depth: 2 })], options = { ...quick, rounds: 2, plugins: [counting] };
  const [one] = (await measureCosts(arms, options))!, together = built;
  const [two] = (await measureCosts(arms, { ...options, room: 1000 }))!, apart = built - together;
  // Once for memory, then for training and for the rest, in one warm-up and two rounds.
  assertEquals([together, apart], [2 * 3, 2 * (1 + 2 * 3)]);
  assertEquals({ ...two, trainingRate: 0, prefillRate: 0, decodeRate: 0 }, {
    ...one,
    trainingRate: 0,
    prefillRate: 0,
    decodeRate: 0,
  });
});

Deno.test("costs: a context of one token, components from elsewhere, the end before the end", async () => {
  const own = { ...builtins.find((c) => c.slot === "optimizer" && c.type === "lion")!, type: "mine" };
  const mine = arm({ context: 1 }, { batch: 1, optimizer: { type: "mine" } });
  for (const options of [{ components: [own] }, { plugins: [{ name: "own", components: [own] }] }]) {
    const [{ decodeRate, prefillRate }] = (await measureCosts([mine], { ...quick, ...options }))!;
    assert(decodeRate > 0 && prefillRate > 0);
  }
  await assertRejects(() => measureCosts([mine], quick), TypeError, 'unknown type "mine"');
  let asked = 0;
  assertEquals(await measureCosts([arm(), arm()], { ...quick, stop: () => ++asked === 4 }), undefined);
  assertEquals(asked, 4);
  assertEquals(await measureCosts([], quick), []);
});

Deno.test("costs: wrong options are refused", async () => {
  const refused = async (options: CostOptions, others: Partial<CostArm>, message: string) => {
    const error = await assertRejects(() => measureCosts([arm({}, others)], options), RangeError);
    assertEquals(error.message, `Cannot measure costs: ${message}`);
  };
  await refused({ rounds: 0 }, {}, "rounds is 0, expected a whole number from 1");
  await refused({ seconds: -1 }, {}, "seconds is -1, expected a number from 0");
  await refused({}, { name: "base", batch: 1.5 }, 'the batch of "base" is 1.5, expected a whole number from 1');
});

Deno.test("an arena knows how much it held at most, whatever its chunks", () => {
  const arena = new Arena(new LinearMemory());
  arena.alloc(100);
  const mark = arena.mark();
  arena.alloc(3 << 20);
  arena.alloc(64);
  const most = 128 + (3 << 20) + 64;
  assertEquals(arena.peak, most);
  arena.rewind(mark);
  arena.alloc(2 << 20);
  assertEquals(arena.peak, most);
  arena.alloc(2 << 20);
  assertEquals(arena.peak, 128 + (4 << 20));
  arena.close();
  arena.alloc(1);
  assertEquals(arena.peak, 128 + (4 << 20));
});
