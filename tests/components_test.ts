import { builtins } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import { ones } from "../components/init.ts";
import { number } from "../components/options.ts";
import { bytes } from "../components/tokenizers/bytes.ts";
import { describeModel } from "../model/decoder.ts";
import { assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { testComponent, tinyConfig } from "./kit.ts";

for (const component of builtins) {
  Deno.test(`${component.slot} "${component.type}" passes the conformance kit`, () =>
    testComponent(component as Component));
}

// Components that break a law must not pass: the kit is tested on them.

const identity: Component<"norm", "identity", Record<never, never>> = {
  slot: "norm",
  type: "identity",
  options: {},
  build: () => ({ forward: (x) => x }),
};

Deno.test("the kit refuses a norm that mixes rows", async () => {
  await assertRejects(
    () =>
      testComponent({
        ...identity,
        type: "mixing",
        build: (_, { dim, ops }) => ({
          forward: (x) => ops.add(x, { ...ops.embed({ ...x, shape: [x.shape[1], dim] }, [0], [1]), shape: [dim] }),
        }),
      }),
    Error,
    'norm "mixing" must treat rows independently',
  );
});

Deno.test("the kit refuses an attention that sees the future", async () => {
  await assertRejects(
    () =>
      testComponent({
        slot: "attention",
        type: "peeking",
        options: {},
        build: (_, { dim, ops }) => ({
          forward(x) {
            const [batch, time] = x.shape,
              last = Array.from({ length: batch * time }, (_, r) => r - r % time + time - 1);
            return ops.embed({ ...x, shape: [batch * time, dim] }, last, [batch, time]);
          },
        }),
      }),
    Error,
    "No token may see a later one",
  );
});

Deno.test("an attention that leaves out what a config asks for is refused, both by name", () => {
  const deaf: Component<"attention", "deaf", Record<never, never>> = {
    slot: "attention",
    type: "deaf",
    options: {},
    build: () => ({ forward: (x) => x }),
  };
  const config = { ...tinyConfig, attention: "deaf" } as const, components = [deaf];
  for (const [slot, type] of [["queryKey", "headNorm"], ["scores", "sinks"]]) {
    const { message } = assertThrows(() => describeModel({ ...config, [slot]: type }, { components }), TypeError);
    assertEquals(
      message,
      `Cannot build a model with ${slot} "${type}": attention "deaf" does not ask for it, expected ` +
        (slot === "scores" ? '"softmax"' : '"plain"'),
    );
  }
  assertEquals(describeModel(config, { components }).layers.length > 0, true);
});

Deno.test("the kit refuses an attention that forgets its cache", async () => {
  await assertRejects(
    () =>
      testComponent({
        slot: "attention",
        type: "forgetful",
        options: {},
        build: (_, { dim, heads, linear, ops }) => {
          const q = linear("q", dim, dim),
            split = (x: ReturnType<typeof q>) => ({ ...x, shape: [...x.shape.slice(0, 2), heads, dim / heads] });
          return {
            forward(x) {
              const y = split(q(x));
              return { ...ops.attention(y, y, y, { start: 0, scale: 1, window: 0 }), shape: x.shape };
            },
          };
        },
      }),
    Error,
    "A cache must change nothing",
  );
});

Deno.test("the kit refuses options that do not accept their default, and more than five", async () => {
  const eps = number(-1, { min: 0 });
  await assertRejects(() => testComponent({ ...identity, options: { eps } }), Error, "does not accept its own default");
  const six = Object.fromEntries("abcdef".split("").map((name) => [name, number(1)]));
  await assertRejects(() => testComponent({ ...identity, options: six }), Error, "has 6 options");
});

Deno.test("the kit refuses a sampler that brings tokens back", async () => {
  await assertRejects(
    async () =>
      await testComponent({
        slot: "sampler",
        type: "reviving",
        options: {},
        build: () => ({ apply: (logits) => void logits.fill(0) }),
      }),
    Error,
    "must not bring a token back",
  );
});

Deno.test("the kit refuses a tokenizer that leaves ids out, and one that does not repeat itself", async () => {
  let count = 0;
  const tokenizer = (vocab: () => Record<string, number>): Component<"tokenizer"> => ({
    slot: "tokenizer",
    type: "odd",
    options: {},
    build: () => ({
      async train(texts) {
        return {
          ...await bytes.build({}, {}).train(texts),
          added_tokens: [],
          model: { type: "BPE", vocab: vocab(), merges: [] },
        };
      },
    }),
  });
  await testComponent(tokenizer(() => ({ a: 0, b: 1 })));
  await assertRejects(() => testComponent(tokenizer(() => ({ a: 0, b: 2 }))), Error, "found 2 in place of 1");
  await assertRejects(() => testComponent(tokenizer(() => ({}))), Error, "must make a vocabulary");
  await assertRejects(
    () => testComponent(tokenizer(() => ({ [`a${count++}`]: 0 }))),
    Error,
    "must depend on nothing but texts and options",
  );
});

Deno.test("a component made of a norm and a gain passes", () =>
  testComponent({
    slot: "norm",
    type: "gain",
    options: {},
    build(_, { dim, ops, param }) {
      const gain = param("gain", [dim], ones);
      return { forward: (x) => ops.mul(ops.rmsNorm(x, undefined, 1e-5), gain) };
    },
  }));
