// What training chooses and breaks a law must not pass: the kit is tested on it.
import type { Component } from "../components/component.ts";
import { zeros } from "../components/init.ts";
import type { Optimizer, OptimizerContext } from "../components/optimizers/optimizer.ts";
import { flat } from "../runtime/optimizer_kernels.ts";
import { assertRejects } from "./assert.ts";
import { testComponent } from "./kit.ts";

function optimizer(
  build: (context: OptimizerContext) => Optimizer,
): Component<"optimizer", "mine", Record<never, never>> {
  return { slot: "optimizer", type: "mine", options: {}, build: (_, context) => build(context) };
}

const descent = ({ kernels, params }: OptimizerContext, factor: (step: number) => number): Optimizer => ({
  step: (step, rate) => params.forEach((p) => kernels.combine(p.param, p.param, p.gradient, 1, -rate * factor(step))),
});

Deno.test("an optimizer of one's own passes", () => testComponent(optimizer((context) => descent(context, () => 1))));

Deno.test("the kit refuses optimizers that break a law", async () => {
  const broken: [string, (context: OptimizerContext) => Optimizer][] = [
    ["must go down a bowl", (context) => descent(context, () => -1)],
    ["must go on from its state", (context) => {
      let hidden = 0;
      return descent(context, () => 1 / ++hidden);
    }],
    ["must leave the filling of panels at zero", (context) => {
      const { kernels, params, scope, temp } = context;
      return {
        step(step, rate) {
          descent(context, () => 1).step(step, rate);
          for (const { param } of params) {
            scope(() => {
              const ones = temp(flat(param).shape);
              kernels.fill(ones, 1e-6);
              kernels.add(flat(param), flat(param), ones);
            });
          }
        },
      };
    }],
  ];
  for (const [law, build] of broken) await assertRejects(() => testComponent(optimizer(build)), Error, law);
});

Deno.test("the kit refuses schedules that break a law", async () => {
  let asked = 0;
  const broken: [string, (learningRate: number, step: number) => number][] = [
    ["must stay between 0 and the learning rate", (rate) => 2 * rate],
    ["must stay between 0 and the learning rate", () => NaN],
    ["must reach the learning rate at the end of the warm-up", (rate) => rate / 2],
    ["must depend on the step alone", (rate, step) => step > 50 ? rate / ++asked : rate],
  ];
  for (const [law, at] of broken) {
    const schedule: Component<"schedule", "mine", Record<never, never>> = {
      slot: "schedule",
      type: "mine",
      options: {},
      build: (_, { learningRate }) => ({ at: (step) => at(learningRate, step) }),
    };
    await assertRejects(() => testComponent(schedule), Error, law);
  }
});

Deno.test("the kit refuses inits that break a law", async () => {
  let calls = 0;
  const ramp = (values: Float32Array, from: number) => values.forEach((_, i) => values[i] = from + i / 100);
  const broken: [string, (values: Float32Array) => void][] = [
    ["must give finite weights that differ", zeros],
    ["must give other weights for another seed", (values) => ramp(values, 0)],
    ["must give the same weights for the same seed", (values) => ramp(values, calls++)],
  ];
  for (const [law, fill] of broken) {
    const init: Component<"init", "mine", Record<never, never>> = {
      slot: "init",
      type: "mine",
      options: {},
      build: () => ({ weight: () => fill }),
    };
    await assertRejects(() => testComponent(init), Error, law);
  }
});
