import fc from "fast-check";
import { builtins } from "../components/builtins.ts";
import { nearest } from "../model/ablation/nearest.ts";
import { type AblationDefinition, type Arm, changeName, planArms } from "../model/ablation/plan.ts";
import { presetConfig, type PresetName, presetPath, presets } from "../model/ablation/presets.ts";
import { matchFlops, type MatchOptions, matchParams } from "../model/ablation/solver.ts";
import { canonicalConfig, canonicalJson, type Trial, trialKey } from "../model/ablation/trial_key.ts";
import { parseVary } from "../model/ablation/vary_flag.ts";
import { type ModelConfig, resolveConfig } from "../model/config.ts";
import { createModel, describeModel } from "../model/decoder.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "./assert.ts";

const base: ModelConfig = { vocab: 19, context: 24, dim: 16, depth: 2, heads: 4 };
const names = (arms: readonly Arm[]) => arms.map((arm) => arm.name);
const resolve = (config: unknown) => resolveConfig(builtins, config);
const sameModel = (a: unknown, b: unknown) =>
  canonicalJson("a", canonicalConfig(resolve(a))) === canonicalJson("b", canonicalConfig(resolve(b)));

Deno.test("one at a time: each value against the base, which comes first and is no second arm", () => {
  const arms = planArms({
    base: { ...base, position: "alibi" },
    vary: [
      { path: "position", values: ["rope", "alibi", { type: "rope" }, { type: "rope", base: 500 }] },
      { path: "norm", values: [["layerNorm", "rmsNorm"], ["layerNorm", "layerNorm"]] },
      { path: "depth", values: [3] },
      { path: "attention.window", values: [8, null] },
    ],
  });
  assertEquals(names(arms), [
    "base",
    "position=rope",
    'position={"type":"rope","base":500}',
    'norm=["layerNorm","rmsNorm"]',
    'norm=["layerNorm","layerNorm"]',
    "depth=3",
    "attention.window=8",
  ]);
  assertEquals(arms[0], { name: "base", config: resolve({ ...base, position: "alibi" }), changes: [] });
  assertEquals(arms[1], {
    name: "position=rope",
    config: resolve(base),
    changes: [{ path: "position", value: "rope" }],
  });
  assertEquals(arms[6].config, resolve({ ...base, position: "alibi", attention: { type: "multiHead", window: 8 } }));
});

Deno.test("a path: each change on top of those before it", () => {
  const arms = planArms({
    base,
    mode: "path",
    vary: [
      { path: "norm", values: ["rmsNorm", "layerNorm", "none"] },
      { path: "feedForward", values: ["gelu"] },
      { path: "feedForward.hidden", values: [40] },
    ],
  });
  // Its first step changes nothing, so it is no arm of its own.
  assertEquals(names(arms), [
    "base",
    "+ norm=layerNorm",
    "+ norm=none",
    "+ feedForward=gelu",
    "+ feedForward.hidden=40",
  ]);
  assertEquals(arms[4], {
    name: "+ feedForward.hidden=40",
    config: resolve({ ...base, norm: "none", feedForward: { type: "gelu", hidden: 40 } }),
    changes: [
      { path: "norm", value: "none" },
      { path: "feedForward", value: "gelu" },
      { path: "feedForward.hidden", value: 40 },
    ],
  });
});

Deno.test("factorial: every combination once", () => {
  const arms = planArms({
    base,
    mode: "factorial",
    vary: [{ path: "norm", values: ["rmsNorm", "layerNorm"] }, { path: "block", values: ["postNorm", "parallel"] }],
  });
  assertEquals(names(arms), [
    "base",
    "block=postNorm",
    "block=parallel",
    "norm=layerNorm",
    "norm=layerNorm + block=postNorm",
    "norm=layerNorm + block=parallel",
  ]);
  assertEquals(arms[5].config, resolve({ ...base, norm: "layerNorm", block: "parallel" }));
});

Deno.test("paths reach options, entries of lists and what is in an option", () => {
  const list = {
    ...base,
    norm: ["layerNorm", "rmsNorm"],
    position: { type: "rope", scaling: { type: "linear", factor: 2 } },
  };
  const config = (path: string, value: never) => planArms({ base: list, vary: [{ path, values: [value] }] })[1].config;
  assertEquals(config("norm[1]", "none" as never).norm, resolve({ ...list, norm: ["layerNorm", "none"] }).norm);
  assertEquals(
    config("norm[0].eps", 0.5 as never).norm,
    resolve({ ...list, norm: [{ type: "layerNorm", eps: 0.5 }, "rmsNorm"] }).norm,
  );
  assertEquals(
    config("norm.eps", 0.5 as never).norm,
    resolve({ ...list, norm: [{ type: "layerNorm", eps: 0.5 }, { type: "rmsNorm", eps: 0.5 }] }).norm,
  );
  assertEquals(
    config("position.scaling.factor", 4 as never).position,
    resolve({ ...list, position: { type: "rope", scaling: { type: "linear", factor: 4 } } }).position,
  );
});

Deno.test("any plan: names are unique, arms differ, and changes explain each config", () => {
  const values: Record<string, readonly unknown[]> = {
    norm: ["layerNorm", "rmsNorm", "none", { type: "layerNorm", bias: false }, ["rmsNorm", "layerNorm"]],
    position: ["rope", "alibi", "learned", "none", { type: "rope", base: 500 }],
    attention: ["multiHead", "multiQuery", { type: "groupedQuery", kvHeads: 2 }, { kvHeads: 4, type: "groupedQuery" }],
    feedForward: ["relu", "swiglu", { type: "gelu", hidden: 24 }],
    "feedForward.hidden": [8, 24, null],
    depth: [1, 2, 3],
  };
  const variation = (path: string) =>
    fc.subarray([...values[path]], { minLength: 1 }).map((values) => ({ path, values }));
  const order = Object.keys(values);
  fc.assert(
    fc.property(
      fc.subarray(order, { minLength: 1, maxLength: 4 }).chain((paths) => fc.tuple(...paths.map(variation))),
      fc.constantFrom("one-at-a-time" as const, "path" as const, "factorial" as const),
      (vary, mode) => {
        let arms: Arm[];
        try {
          arms = planArms({ base, vary, mode } as AblationDefinition);
        } catch (error) {
          assertStringIncludes((error as Error).message, "the path comes back to ");
          assertEquals(mode, "path");
          return;
        }
        assertEquals(new Set(names(arms)).size, arms.length);
        assertEquals(new Set(arms.map((a) => JSON.stringify(canonicalConfig(a.config)))).size, arms.length);
        for (const { changes, config } of arms) {
          // The changes, read from their names, lead from the base to this config.
          const vary = changes.map((change) => parseVary(changeName(change)));
          const steps = vary.length ? planArms({ base, vary, mode: "path" }) : arms;
          assert(steps.some((step) => sameModel(step.config, config)), JSON.stringify(changes));
        }
      },
    ),
    { numRuns: 60, seed: 1 },
  );
});

const wrong: [what: string, definition: unknown, message: string][] = [
  ["no list", { vary: "norm" }, 'Cannot plan an ablation: vary is "norm", expected a list'],
  [
    "an unknown mode",
    { mode: "all" },
    'Cannot plan an ablation: mode is "all", expected "one-at-a-time" or "path" or "factorial"',
  ],
  ["an unknown key", { modes: 1 }, 'Cannot plan an ablation: it has "modes", expected "base", "vary", "mode"'],
  [
    "an unknown key of a variation",
    { vary: [{ path: "norm", value: "none" }] },
    'Cannot plan an ablation: vary[0] has "value", expected "path", "values"',
  ],
  [
    "a variation that is none",
    { vary: ["norm"] },
    'Cannot plan an ablation: vary[0] is "norm", expected { "path", "values" }',
  ],
  [
    "a path with no values",
    { vary: [{ path: "norm", values: [] }] },
    "Cannot plan an ablation: values of norm are [], expected a list that is not empty",
  ],
  [
    "a path twice",
    { vary: [{ path: "norm", values: ["none"] }, { path: "norm", values: ["rmsNorm"] }] },
    "Cannot plan an ablation: norm is varied twice, expected each path once",
  ],
  [
    "a change that is overwritten",
    { mode: "path", vary: [{ path: "norm.eps", values: [0.1] }, { path: "norm", values: ["layerNorm"] }] },
    "Cannot plan an ablation: norm comes after norm.eps, which it overwrites, expected norm first",
  ],
  [
    "too many combinations",
    { mode: "factorial", vary: ["dim", "vocab", "context"].map((path) => ({ path, values: Array(10).fill(8) })) },
    "Cannot plan an ablation: it has 1331 combinations, expected at most 1000",
  ],
  [
    "a path of training",
    { vary: [{ path: "learningRate", values: [1] }] },
    'Cannot vary "learningRate": a model has no "learningRate", expected "vocab", "context", "dim", "depth", "heads", ' +
    '"tied", "stem", "position", "norm", "attention", "queryKey", "scores", "feedForward", "block", "head", "init"',
  ],
  [
    "a path that is none",
    { vary: [{ path: "norm..eps", values: [1] }] },
    'Cannot vary "norm..eps": it is no path, expected one like "norm" or "feedForward.hidden"',
  ],
  [
    "a part of a size",
    { vary: [{ path: "dim.half", values: [1] }] },
    'Cannot vary "dim.half": dim has no parts, expected "dim"',
  ],
  [
    "a wrong base",
    { base: { ...base, feedforward: "relu" } },
    'Cannot plan arm "base": it has no "feedforward", expected "vocab", "context", "dim", "depth", "heads", "tied", ' +
    '"stem", "position", "norm", "attention", "queryKey", "scores", "feedForward", "block", "head", "init"',
  ],
  [
    "an unknown component",
    { vary: [{ path: "norm", values: ["layerNorm", "rmsnorm"] }] },
    'Cannot plan arm "norm=rmsnorm": norm: unknown type "rmsnorm", expected one of "layerNorm", "rmsNorm", "none"',
  ],
  [
    "an option that the component has not",
    { vary: [{ path: "attention.kvHeads", values: [2] }] },
    'Cannot plan arm "attention.kvHeads=2": attention: "multiHead" has no option "kvHeads", expected "headDim", "bias", ' +
    '"window", "scale"',
  ],
  [
    "a wrong option",
    { vary: [{ path: "feedForward", values: [{ type: "gelu", hidden: 0.5 }] }] },
    'Cannot plan arm "feedForward={\\"type\\":\\"gelu\\",\\"hidden\\":0.5}": feedForward.hidden: current value is 0.5, ' +
    "expected a whole number from 1, or null for 4 times dim",
  ],
  [
    "a combination that cannot be",
    { mode: "path", vary: [{ path: "norm", values: ["none"] }, { path: "heads", values: [3] }] },
    'Cannot plan arm "+ heads=3": blocks.0.attention: heads 3 does not divide dim 16: set attention.headDim',
  ],
  [
    "a path that comes back",
    { mode: "path", vary: [{ path: "norm", values: ["none", "rmsNorm"] }, { path: "position", values: ["alibi"] }] },
    'Cannot plan an ablation: the path comes back to "base" by norm=rmsNorm, expected another model after each step',
  ],
  [
    "an entry of no list",
    { vary: [{ path: "norm[1]", values: ["none"] }] },
    'Cannot plan arm "norm[1]=none": norm[1]: norm is {"type":"rmsNorm","eps":0.00001,"weight":true,"offset":0}, expected a list of at least 2',
  ],
  [
    "a part of nothing",
    { vary: [{ path: "position.scaling.factor", values: [2] }] },
    'Cannot plan arm "position.scaling.factor=2": position.scaling.factor: position.scaling is null, expected an object',
  ],
];
for (const [what, definition, message] of wrong) {
  Deno.test(`a definition with ${what} is refused`, () => {
    const whole = { base, vary: [{ path: "norm", values: ["none"] }], ...definition as object };
    assertEquals(assertThrows(() => planArms(whole as never), TypeError).message, message);
  });
}

Deno.test("a variation is read from text", () => {
  const read = (text: string) => parseVary(text).values;
  assertEquals(parseVary("norm=layerNorm,rmsNorm"), { path: "norm", values: ["layerNorm", "rmsNorm"] });
  assertEquals(read('feedForward={"type":"swiglu","hidden":96},gelu'), [{ type: "swiglu", hidden: 96 }, "gelu"]);
  assertEquals(read('norm=["layerNorm",{"type":"rmsNorm","eps":1e-6}], none'), [
    ["layerNorm", { type: "rmsNorm", eps: 1e-6 }],
    "none",
  ]);
  assertEquals(read("attention.window=null,8,-1.5,true"), [null, 8, -1.5, true]);
  assertEquals(read('x="a,b","}","\\",\\\\"'), ["a,b", "}", '",\\']);
});

Deno.test("what is read from text is what was written", () => {
  const object = fc.jsonValue({ maxDepth: 2 }).filter((v) => !JSON.stringify(v).includes("-0"));
  fc.assert(fc.property(fc.array(object, { minLength: 1, maxLength: 4 }), (values) => {
    assertEquals(parseVary(`x=${values.map((v) => JSON.stringify(v)).join(" , ")}`), { path: "x", values } as never);
    assertEquals(parseVary(changeName({ path: "x", value: values[0] as never })).values.length, 1);
  }));
});

const unreadable: [text: string, message: string][] = [
  ["norm", 'Cannot read "norm": the text ends at character 5, expected "=" and values, as in norm=layerNorm,rmsNorm'],
  ["=a", 'Cannot read "=a": nothing before the = at character 1, expected a path, as in norm=layerNorm,rmsNorm'],
  ["norm=", 'Cannot read "norm=": no value at character 6, expected a name or JSON'],
  ["norm=a,,b", 'Cannot read "norm=a,,b": no value at character 8, expected a name or JSON'],
  ["norm=a, 1e", 'Cannot read "norm=a, 1e": "1e" is neither at character 9, expected a name or JSON'],
  ["f={type:1}", 'Cannot read "f={type:1}": "{type:1}" is neither at character 3, expected a name or JSON'],
  ["f={[1}", 'Cannot read "f={[1}": a } that closes nothing at character 6, expected ]'],
  ["f=a]", 'Cannot read "f=a]": a ] that closes nothing at character 4, expected a name or JSON'],
  ["f=[{}", 'Cannot read "f=[{}": a [ that is not closed at character 3, expected a ] behind it'],
  ['f="a', 'Cannot read "f=\\"a": a " that is not closed at character 3, expected a " behind it'],
];
for (const [text, message] of unreadable) {
  Deno.test(`the variation ${text} is refused`, () => {
    assertEquals(assertThrows(() => parseVary(text), TypeError).message, message);
  });
}

const presetNames = Object.keys(presets) as PresetName[];

Deno.test("presets build and compute, alone and along every path between two", async () => {
  using runtime = await createRuntime({ threads: 1 });
  const sizes = { vocab: 19, context: 24, dim: 16, depth: 2, heads: 4 };
  for (const a of presetNames) {
    for (const b of presetNames) {
      const path = presetPath(a, b).map(({ path, value }) => ({ path, values: [value] }));
      assertEquals(path.length === 0, a === b);
      if (a === b) continue;
      const arms = planArms({ base: presetConfig(a, sizes), vary: path, mode: "path" });
      assertEquals(arms.length, path.length + 1);
      assertEquals(arms[0].config, resolve(presetConfig(a, sizes)));
      assertEquals(arms.at(-1)!.config, resolve(presetConfig(b, sizes)));
      for (const { config } of arms) {
        using model = createModel(runtime, config as ModelConfig);
        const logits = await runtime.scope(() => runtime.read(model.forward([1, 2, 3])));
        assert(logits.every(Number.isFinite));
      }
    }
  }
  assertEquals(presetPath("vaswani", "llama").map(changeName), [
    "norm=rmsNorm",
    "block=preNorm",
    "position=rope",
    "feedForward=swiglu",
  ]);
  assertEquals(presetPath("llama", "gpt2").map(changeName), [
    "norm=layerNorm",
    "position=learned",
    'attention={"type":"multiHead","bias":"all"}',
    'feedForward={"type":"gelu","bias":true,"approximate":"tanh"}',
  ]);
});

Deno.test("presets have the published numbers of parameters", () => {
  const count = (config: ModelConfig) => describeModel(config).parameters;
  // GPT-2 small: 124,439,808 in https://huggingface.co/openai-community/gpt2
  const gpt2 = presetConfig("gpt2", { vocab: 50257, context: 1024, dim: 768, depth: 12, heads: 12 });
  assertEquals(count(gpt2), 124_439_808);
  // Llama 7B: 6,738,415,616 in https://huggingface.co/meta-llama/Llama-2-7b
  const sizes = { vocab: 32000, context: 2048, dim: 4096, depth: 32, heads: 32 };
  const llama = presetConfig("llama", sizes, { tied: false, feedForward: { type: "swiglu", hidden: 11008 } });
  assertEquals(count(llama), 6_738_415_616);
});

Deno.test("a preset that does not exist is refused", () => {
  assertEquals(
    assertThrows(() => presetConfig("bert" as never, base), TypeError).message,
    'Cannot use the preset "bert": there is none, expected "vaswani", "gpt2", "llama"',
  );
});

/** Larger, so that 1 % of its parameters is more than one row of a feed-forward. */
const middle: ModelConfig = { vocab: 256, context: 64, dim: 96, depth: 3, heads: 6 };

Deno.test("widths are chosen so that parameters, or FLOPs, are those of the base: any feed-forward, any attention", () => {
  const feedForwards = ["relu", "reluSquared", "gelu", "silu", "reglu", "geglu", "swiglu"];
  const attentions = ["multiHead", "multiQuery", "groupedQuery", { type: "multiHead", bias: "all", headDim: 32 }];
  let arms = 0, resized = 0, most = 0, worst = 0;
  for (const position of ["rope", "learned", "alibi"]) {
    for (const bias of [false, true]) {
      for (const tied of [false, true]) {
        const plan = planArms({
          base: { ...middle, position, tied, feedForward: { type: "swiglu", hidden: 200, bias } },
          mode: "factorial",
          vary: [{ path: "feedForward", values: feedForwards.map((type) => ({ type, bias })) }, {
            path: "attention",
            values: attentions as never,
          }],
        });
        for (const [match, measure] of [[matchParams, "parameters"], [matchFlops, "flopsPerToken"]] as const) {
          const target = describeModel(plan[0].config as ModelConfig)[measure];
          for (const arm of match(plan)) {
            assertEquals(arm.size, describeModel(arm.config as ModelConfig)[measure], arm.name);
            assertEquals(arm.deviation, arm.size / target - 1);
            assert(Math.abs(arm.deviation) <= 0.01, `${arm.name}: ${arm.deviation}`);
            if (arm.resized) assertEquals((arm.config.feedForward as Record<string, unknown>).hidden, arm.value);
            else assertEquals(arm.config, plan.find(({ name }) => name === arm.name)!.config);
            arms++;
            resized += Number(arm.resized);
            most = Math.max(most, arm.evaluations);
            worst = Math.max(worst, Math.abs(arm.deviation));
          }
        }
      }
    }
  }
  console.log(`${arms} arms, ${resized} resized; worst deviation ${worst.toFixed(4)}, at most ${most} counts`);
  assert(resized > arms / 2 && most <= 6, `${resized} of ${arms}, ${most}`);
});

Deno.test("no other width is nearer", () => {
  const arms = planArms({ base: middle, vary: [{ path: "attention", values: ["multiQuery"] }] });
  for (const multipleOf of [1, 8, 32]) {
    const [{ size: target }, { value, deviation }] = matchParams(arms, {
      multipleOf,
      tolerance: 0.05,
      path: "feedForward.hidden",
    });
    assertEquals(value as number % multipleOf, 0);
    const config = (hidden: number) => ({
      ...middle,
      attention: "multiQuery",
      feedForward: { type: "swiglu", hidden },
    });
    for (const other of [value as number - multipleOf, value as number + multipleOf]) {
      const off = describeModel(config(other) as ModelConfig).parameters / target - 1;
      assert(Math.abs(off) > Math.abs(deviation), `${value}: ${deviation}, ${other}: ${off}`);
    }
  }
});

Deno.test("any whole number can be chosen: dim keeps heads and rotations whole, kvHeads divides heads, lists are set whole", () => {
  const size = (arms: readonly Arm[], options: MatchOptions) => {
    const { value, config } = matchParams(arms, { tolerance: 0.9, ...options })[1];
    return { value, config };
  };
  const wide = planArms({ base: { ...middle, dim: 240 }, vary: [{ path: "depth", values: [6] }] });
  const dim = size(wide, { path: "dim", tolerance: 0.05 });
  assertEquals(dim.value as number % (2 * middle.heads), 0);
  const depth = planArms({ base: middle, vary: [{ path: "dim", values: [48] }] });
  assertEquals(size(depth, { path: "depth", tolerance: 0.06 }).config.dim, 48);
  const grouped = planArms({
    base: { ...middle, heads: 12, attention: "multiHead" },
    vary: [{ path: "attention", values: [{ type: "groupedQuery" }] }],
  });
  assertEquals(size(grouped, { path: "attention.kvHeads", tolerance: 0 }).value, 12);
  const list = planArms({
    base: middle,
    vary: [{ path: "feedForward", values: [["gelu", "geglu"]] }],
  });
  const { value, config } = size(list, { tolerance: 0.01 });
  assertEquals(
    config.feedForward,
    resolve({ ...middle, feedForward: [{ type: "gelu", hidden: value }, { type: "geglu", hidden: value }] })
      .feedForward,
  );
});

Deno.test("an arm that cannot be matched is refused by name", () => {
  const plan = (path: string, value: unknown, from: ModelConfig = base) =>
    planArms({ base: from, vary: [{ path, values: [value as never] }] });
  const message = (arms: readonly Arm[], options: MatchOptions, kind: typeof TypeError | typeof RangeError) =>
    assertThrows(() => matchParams(arms, options), kind as typeof Error).message;
  assertEquals(
    message(plan("attention", "multiQuery"), { multipleOf: 50 }, RangeError),
    'Cannot match arm "attention=multiQuery": the nearest feedForward.hidden is 50 with 6,464 parameters, 8.18 % less ' +
      "than 7,040, expected at most 1 %",
  );
  assertEquals(
    message(plan("dim", 64), { path: "feedForward.hidden" }, RangeError),
    'Cannot match arm "dim=64": the nearest feedForward.hidden is 1 with 34,688 parameters, 393 % more than 7,040, ' +
      "expected at most 1 %",
  );
  assertEquals(
    message(plan("depth", 4), { path: "feedForward.hiden" }, TypeError),
    'Cannot match arm "depth=4" by feedForward.hiden: 1 and more are refused, expected a whole number that can be ' +
      'chosen (Cannot build feedForward: "swiglu" has no option "hiden", expected "hidden", "bias")',
  );
  assertEquals(
    message(plan("depth", 4), { path: "context" }, RangeError),
    'Cannot match arm "depth=4": the nearest context is 1 with 13,760 parameters, 95.5 % more than 7,040, expected at ' +
      "most 1 %",
  );
  assertEquals(
    message(plan("attention", "multiQuery"), { path: "context" }, RangeError),
    'Cannot match arm "attention=multiQuery": it has 6,272 parameters whatever context is, expected 7,040',
  );
  assertEquals(
    message(plan("feedForward.hidden", 96), {}, TypeError),
    'Cannot match arm "feedForward.hidden=96" by feedForward.hidden: it is one that sets feedForward.hidden itself, to ' +
      "96, expected a path that it leaves free",
  );
  assertEquals(
    message(plan("feedForward", { type: "gelu", hidden: 96 }, { ...base, heads: 2 }), {}, TypeError),
    'Cannot match arm "feedForward={\\"type\\":\\"gelu\\",\\"hidden\\":96}" by feedForward.hidden: it is one that sets ' +
      'feedForward.hidden itself, to {"type":"gelu","hidden":96}, expected a path that it leaves free',
  );
  for (
    const [options, text] of [
      [{ target: 0 }, "target is 0, expected a number above 0"],
      [{ tolerance: -1 }, "tolerance is -1, expected a number from 0 and below 1"],
      [{ multipleOf: 0 }, "multipleOf is 0, expected a whole number from 1"],
    ] as const
  ) assertEquals(message([], options, RangeError), `Cannot match arms: ${text}`);
});

Deno.test("the search finds what trying every count finds, with few questions", () => {
  let linear = 0, curved = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom(1, 1.5, 2, 3),
      fc.integer({ min: 1, max: 12 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (end, slope, power, lattice, part) => {
        const allowed = (count: number) => count % lattice === 0 && count <= end + lattice;
        const size = (count: number) => 100 + Math.floor(slope * count ** power);
        const target = 90 + Math.floor(part * size(end)), all: number[] = [];
        for (let count = 1; count <= end + lattice; count++) if (allowed(count)) all.push(count);
        const off = (count: number) => Math.abs(size(count) - target);
        const best = all.reduce((a, b) => off(b) < off(a) ? b : a);
        const found = nearest((c) => allowed(c) ? { size: size(c) } : { refused: new TypeError("no") }, target);
        assert("size" in found);
        assertEquals([off(found.count), found.size], [off(best), size(found.count)]);
        if (power === 1) linear = Math.max(linear, found.evaluations);
        else curved = Math.max(curved, found.evaluations);
      },
    ),
    { numRuns: 2000, seed: 3 },
  );
  console.log(`at most ${linear} sizes of a line, ${curved} of a curve`);
  assert(linear <= 10 && curved <= 25, `${linear} ${curved}`);
});

const trial: Trial = {
  config: { ...base, norm: { type: "layerNorm", bias: false } },
  seed: 1,
  budget: { steps: 100, batch: 8, optimizer: { type: "adamW", learningRate: 0.001 } },
  dataHash: "d0",
  codeVersion: "4724ad6",
};

Deno.test("equal trials have equal keys however they are written", async () => {
  const key = await trialKey(trial);
  // Whoever changes this makes all stored results unknown.
  assertEquals(key, "42604f1071822376ce6c5eefd1e487c9be1017d4bb6076b2ba6eddaa8fdaf8f5");
  const { norm: _, ...sizes } = trial.config as ModelConfig;
  const norm = { bias: false, eps: 1e-5, type: "layerNorm" };
  const spellings: unknown[] = [
    { norm, heads: 4, depth: 2, dim: 16, context: 24, vocab: 19 },
    { ...sizes, norm: [norm] },
    { ...sizes, norm: [norm, { type: "layerNorm", bias: false }, "none"] }, // two layers: the third entry is for none
    { ...sizes, norm, tied: true, position: "rope", block: ["preNorm", { type: "preNorm" }], init: undefined },
    resolve(trial.config),
  ];
  for (const config of spellings) assertEquals(await trialKey({ ...trial, config }), key, JSON.stringify(config));
  const budget = { optimizer: { learningRate: 1e-3, type: "adamW" }, batch: 8.0, steps: 1e2 };
  assertEquals(await trialKey({ ...trial, budget }), key);
});

Deno.test("any change gives another key", async () => {
  const config = trial.config as ModelConfig;
  const others: Partial<Trial>[] = [
    {},
    { seed: 2 },
    { dataHash: "d1" },
    { codeVersion: "4724ad7" },
    { budget: { ...trial.budget as object, steps: 101 } },
    { budget: { ...trial.budget as object, optimizer: "adamW" } },
    { budget: [trial.budget] },
    ...[
      { vocab: 20 },
      { context: 25 },
      { dim: 24 },
      { depth: 3 },
      { heads: 2 },
      { tied: false },
      { norm: "layerNorm" },
      { norm: ["layerNorm", { type: "layerNorm", bias: false }] },
      { norm: [{ type: "layerNorm", bias: false }, "layerNorm"] },
      { position: { type: "rope", base: 10001 } },
      { block: "parallel" },
      { init: { type: "normal", residual: true } },
      { feedForward: { type: "swiglu", hidden: 48 } },
    ].map((change) => ({ config: { ...config, ...change } })),
  ];
  const keys = await Promise.all(others.map((change) => trialKey({ ...trial, ...change })));
  assertEquals(new Set(keys).size, others.length);
  assert(keys.every((key) => /^[0-9a-f]{64}$/.test(key)));
});

Deno.test("canonical JSON does not depend on the order of keys, and is JSON of the same value", () => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
    const reversed = Object.fromEntries(Object.entries(object).reverse());
    const text = canonicalJson("x", object);
    assertEquals(canonicalJson("x", reversed), text);
    assertEquals(JSON.stringify(JSON.parse(text, (_, v) => Object.is(v, -0) ? 0 : v)).length, text.length);
    assertEquals(canonicalJson("x", JSON.parse(text)), text);
  }));
  assertEquals(
    canonicalJson("x", { b: [1, { d: null, c: "ä" }], "10": true, a: -0 }),
    '{"10":true,"a":0,"b":[1,{"c":"ä","d":null}]}',
  );
});

const wrongTrials: [change: Record<string, unknown>, message: string][] = [
  [{ seed: 1.5 }, "Cannot make a trial's key: seed is 1.5, expected a whole number"],
  [{ dataHash: "" }, 'Cannot make a trial\'s key: dataHash is "", expected a text that is not empty'],
  [{ codeVersion: 5 }, "Cannot make a trial's key: codeVersion is 5, expected a text that is not empty"],
  [
    { steps: 5 },
    'Cannot make a trial\'s key: it has "steps", expected "config", "seed", "budget", "dataHash", "codeVersion"',
  ],
  [{ budget: { lr: [1, NaN] } }, "Cannot hash trial.budget.lr[1]: it is NaN, expected what JSON can hold"],
  [{ budget: undefined }, "Cannot hash trial.budget: it is undefined, expected what JSON can hold"],
  [{ budget: new Date(0) }, "Cannot hash trial.budget: it is a Date, expected what JSON can hold"],
  [
    { config: { ...base, norm: "x" } },
    'Cannot build norm: unknown type "x", expected one of "layerNorm", "rmsNorm", "none"',
  ],
];
for (const [change, message] of wrongTrials) {
  Deno.test(`no key of a trial with ${Object.keys(change)} ${String(Object.values(change)[0])}`, async () => {
    assertEquals((await assertRejects(() => trialKey({ ...trial, ...change }), TypeError)).message, message);
  });
}

Deno.test("of two sizes that are equally near the smaller count is taken", () => {
  const found = nearest((count) => ({ size: 10 * count }), 45);
  assertEquals("size" in found && [found.count, found.size], [4, 40]);
});

Deno.test("an arm within the tolerance is left alone, one just outside is resized", () => {
  const arms = planArms({ base: middle, vary: [{ path: "attention", values: ["multiQuery"] }] });
  const [, { deviation }] = matchParams(arms, { tolerance: 0.9 }), off = Math.abs(deviation);
  assertEquals(matchParams(arms, { tolerance: off })[1].resized, false);
  assertEquals(matchParams(arms, { tolerance: 0.9 * off })[1].resized, true);
});
