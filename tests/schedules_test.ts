import { builtins } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import { createSchedule } from "../model/optimizing.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";
import { golden, readGolden, readJson } from "./support.ts";

type Choice = Parameters<typeof createSchedule>[0];

interface Covered {
  readonly choice: Choice;
  readonly steps: number;
  readonly warmup: number;
  readonly learningRate?: number;
  /** Our step of the golden file's first value. Its steps count from 0; HF's learning rate at its step 0 is ours at 0. */
  readonly first?: number;
  /** Where the golden values to compare begin and end. */
  readonly from?: number;
  readonly to?: number;
}

const covered: Readonly<Record<string, Covered>> = {
  hf_cosine_warmup10_100: { choice: { type: "cosine", floor: 0 }, steps: 100, warmup: 10, to: 101 }, // then rises again
  hf_linear_warmup10_100: { choice: "linear", steps: 100, warmup: 10 },
  hf_inverse_sqrt_warmup10: { choice: "inverseSqrt", steps: 100, warmup: 10 },
  hf_constant_warmup10: { choice: "constant", steps: 100, warmup: 10 },
  // Its warm-up starts at min_lr_ratio, ours at 0.
  hf_wsd_10_50_40: {
    choice: { type: "wsd", share: 0.4, shape: "cosine", floor: 0.1 },
    steps: 100,
    warmup: 10,
    from: 10,
  },
  torch_cosine_annealing_100: { choice: { type: "cosine", floor: 0.1 }, steps: 100, warmup: 0, to: 101 }, // periodic
  // As components/schedules/cosine.ts says.
  nanogpt_cosine_min: {
    choice: { type: "cosine", floor: 6e-5 / 6e-4 },
    steps: 101,
    warmup: 11,
    learningRate: 6e-4,
    first: 1,
  },
  // As components/schedules/inverse_sqrt.ts says.
  noam_d512_w40: { choice: "inverseSqrt", steps: 120, warmup: 40, learningRate: (512 * 40) ** -0.5, first: 1 },
};

/** Golden cases of schedules that Tenon does not have. */
const later = new Set(["hf_poly2_warmup10_100", "torch_onecycle_100", "torch_cosine_warm_restarts"]);

const index = readJson<Record<string, Record<string, unknown>>>(new URL("ops/index.json", golden));

Deno.test("schedules are those of PyTorch, Hugging Face, nanoGPT and the Transformer", () => {
  const file = readGolden(new URL("ops/lr_schedules.safetensors", golden));
  for (const name of Object.keys(index.lr_schedules)) {
    const found = covered[name];
    if (!found && later.has(name)) continue;
    if (!found) throw new Error(`${name} is neither covered nor put off`);
    const { choice, steps, warmup, learningRate = 1, first = 0, from = 0, to = 120 } = found;
    const schedule = createSchedule(choice, { steps, warmup, learningRate });
    file.get(`${name}/out`)!.values.subarray(from, to).forEach((expected, i) => {
      const actual = schedule.at(first + from + i);
      // 1e-13: PyTorch's cosine is a recurrence.
      const close = Math.abs(actual - expected) <= 1e-13 * learningRate;
      assert(close, `${name} at ${first + from + i} is ${actual}, expected ${expected}`);
    });
  }
});

Deno.test("warm-up, stable, decay: each shape begins at the learning rate and ends at the floor", () => {
  const rates = (options: object) => {
    const schedule = createSchedule({ type: "wsd", ...options }, { steps: 20, warmup: 4, learningRate: 2 });
    return [2, 4, 12, 15, 16, 18, 20, 21].map((step) => Math.round(schedule.at(step) * 1e6) / 1e6);
  };
  assertEquals(rates({}), [1, 2, 2, 2, 2, 1, 0, 0]);
  assertEquals(rates({ share: 0.4 }), [1, 2, 2, 1.25, 1, 0.5, 0, 0]);
  assertEquals(rates({ shape: "cosine", floor: 0.5 }), [1, 2, 2, 2, 2, 1.5, 1, 1]);
  assertEquals(rates({ shape: "sqrt" }), [1, 2, 2, 2, 2, 0.585786, 0, 0]);
  assertEquals(rates({ share: 1 }), [1, 2, 1, 0.625, 0.5, 0.25, 0, 0]);
  assertEquals(rates({ share: 0 }), [1, 2, 2, 2, 2, 2, 2, 0]); // step 21 is past the end
});

Deno.test("without a warm-up the inverse square root begins at the learning rate", () => {
  const schedule = createSchedule("inverseSqrt", { steps: 100, warmup: 0, learningRate: 6 });
  assertEquals([1, 4, 9, 100].map((step) => schedule.at(step)), [6, 3, 2, 0.6000000000000001]);
});

Deno.test("changing any option of a schedule changes it", () => {
  const others: Record<string, unknown> = { floor: 0.5, share: 0.7, shape: "sqrt" };
  for (const { slot, type, options } of builtins as readonly Component[]) {
    if (slot !== "schedule") continue;
    const rates = (config: object) => {
      const schedule = createSchedule({ type, ...config } as Choice, { steps: 20, warmup: 4, learningRate: 1 });
      return JSON.stringify(Array.from({ length: 20 }, (_, i) => schedule.at(i + 1)));
    };
    for (const key of Object.keys(options as object)) {
      assert(others[key] !== undefined, `${type}.${key} has no other value here`);
      assert(rates({}) !== rates({ [key]: others[key] }), `${type}.${key} does nothing`);
    }
  }
});

Deno.test("a schedule refuses what it cannot plan", () => {
  const wrong: [object, string][] = [
    [{ steps: 0 }, "Cannot plan 0 steps, expected a whole number from 1"],
    [{ steps: 2.5 }, "Cannot plan 2.5 steps, expected a whole number from 1"],
    [{ warmup: 11 }, "Cannot warm up for 11 of 10 steps, expected a whole number from 0 up to 10"],
    [{ learningRate: -1 }, "Cannot plan a learning rate of -1, expected a number from 0"],
  ];
  for (const [change, message] of wrong) {
    const context = { steps: 10, warmup: 2, learningRate: 1, ...change };
    assertEquals(assertThrows(() => createSchedule("cosine", context), RangeError).message, message);
  }
  const context = { steps: 10, warmup: 2, learningRate: 1 };
  assertEquals(
    assertThrows(() => createSchedule("cosin" as never, context), TypeError).message,
    'Cannot build schedule: unknown type "cosin", expected one of "constant", "linear", "cosine", "inverseSqrt", "wsd"',
  );
});
