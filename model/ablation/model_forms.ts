import type { Component } from "../../components/component.ts";
import type { Json } from "../../components/options.ts";
import { type ModelSizes, singleSlots, sizeOptions, slotDefaults } from "../config.ts";
import { show } from "../json.ts";
import {
  component,
  either,
  type Form,
  inside,
  isObject,
  listOf,
  objectOf,
  plain,
  quoted,
  type Schema,
  way,
  within,
  wrong,
} from "./forms.ts";
import type { Variation } from "./plan.ts";
import { type PresetName, presets } from "./presets.ts";
import { parseVary } from "./vary_flag.ts";

type Slot = keyof typeof slotDefaults;
/** A base as it was read: a config without `vocab`, which may begin with a preset. */
export type GivenBase = { readonly preset?: PresetName } & { readonly [key: string]: Json };

/** Sizes of the base where neither the definition nor a task says otherwise. */
export const defaultSizes = { context: 64, dim: 64, depth: 2, heads: 4 } as const;

const sizeNames = ["context", "dim", "depth", "heads", "tied"] as const;
const slotNames = Object.keys(slotDefaults) as Slot[];
/** What each size is, for editors. */
const sizeWords: Readonly<Record<(typeof sizeNames)[number], string>> = {
  context: "Tokens that the model sees at once.",
  dim: "Width of the residual stream.",
  depth: "Number of blocks.",
  heads: "Attention heads.",
  tied: "Whether the output projection is the embedding, transposed.",
};
/** A path into a config, see `setAt`; `vocab` is none, as the data decides it. */
const path = `(?:${sizeNames.join("|")}|(?:${slotNames.join("|")})(?:\\[\\d+\\])?(?:\\.\\w+)*)`;
const pathRule = new RegExp(`^${path}$`);

/** A path to something that can be varied. */
export function pathForm(description: string): Form<string> {
  return {
    schema: { description, type: "string", pattern: pathRule.source },
    read(value, at) {
      if (typeof value === "string" && pathRule.test(value)) return value;
      throw wrong(at, `is ${show(value)}`, expectedPath());
    },
  };
}

/** The name of a preset. */
export function presetForm(description: string): Form<PresetName> {
  const names = Object.keys(presets) as PresetName[];
  return {
    schema: { description, enum: names },
    read(value, at) {
      if (names.includes(value as PresetName)) return value as PresetName;
      throw wrong(at, `is ${show(value)}`, names.map((name) => JSON.stringify(name)).join(" or "));
    },
  };
}

/** The base: a preset's name, or a config without `vocab`. Components are checked and kept as they are written. */
export function baseForm(known: readonly Component[]): Form<GivenBase> {
  const preset = presetForm("Published architecture that the base begins with.");
  const fields: Record<string, Form<unknown>> = { preset };
  for (const name of sizeNames) fields[name] = sizeForm(name);
  for (const slot of slotNames) fields[slot] = slotForm(known, slot);
  const whole = objectOf(fields, "A model's config; what it leaves out is as the preset or the defaults say.");
  const object: Form<unknown> = {
    ...whole,
    read(value, at) {
      if (!isObject(value) || !Object.hasOwn(value, "vocab")) return whole.read(value, at);
      throw wrong(at, 'has "vocab", which the data decides', quoted(Object.keys(fields)));
    },
  };
  return either<GivenBase>("What everything is compared with.", "the name of a preset or an object", [
    way((value) => typeof value === "string", preset, (preset) => ({ preset })),
    way(isObject, object, (value) => value as GivenBase),
  ]);
}

function sizeForm(name: (typeof sizeNames)[number]): Form<unknown> {
  const form = plain<ModelSizes[typeof name]>(sizeOptions[name] as never, sizeWords[name]);
  return name === "tied" ? form : { ...form, schema: { ...form.schema, default: defaultSizes[name] } };
}

/** A component, or where layers may differ a list of them, kept as it is written. */
function slotForm(known: readonly Component[], slot: Slot): Form<unknown> {
  const one = component(known, slot, `Default: ${JSON.stringify(slotDefaults[slot])}.`);
  if (singleSlots.has(slot)) return { ...one, read: (value, at) => (one.read(value, at), value) };
  const list = listOf(one, "For each layer in turn, repeated over depth.");
  return {
    schema: { anyOf: [one.schema, list.schema] },
    read: (value, at) => ((Array.isArray(value) ? list : one).read(value, at), value),
  };
}

/**
 * What is varied: `{ "norm": ["layerNorm", "rmsNorm"] }`, or a list of `{ "path", "values" }` and of texts as
 * {@linkcode parseVary} reads them. That values can stand where they are to stand, `planArms` finds out.
 */
export function varyForm(known: readonly Component[]): Form<Variation[]> {
  const values = listOf(anything, "What it is to be in turn.");
  const variation = objectOf<{ path: string; values: Json[] }>(
    { path: pathForm('What is varied: "norm", "feedForward.hidden".'), values },
    "A path and its values.",
    ["path", "values"],
  );
  const entry = either<Variation>("One path.", 'an object with "path" and "values", or a text such as "norm=rmsNorm"', [
    way(isObject, variation, (v) => v as Variation),
    {
      takes: (value) => typeof value === "string",
      schema: { type: "string", pattern: `^\\s*${path}\\s*=.+$` },
      read(value, at) {
        const read = within(at, /^Cannot read /, () => parseVary(value as string));
        if (pathRule.test(read.path)) return read;
        throw wrong(at, `is ${show(value)}`, expectedPath());
      },
    },
  ]);
  const list = listOf(entry, "Paths and their values, in order.");
  return either<Variation[]>("What is changed, and what to.", "an object of lists, or a list", [
    { takes: Array.isArray, ...list },
    {
      takes: isObject,
      schema: varySchema(known, values.schema),
      read(value, at) {
        const entries = Object.entries(value as object);
        if (!entries.length) throw wrong(at, "is {}", "at least one path");
        return entries.map(([path, given]) => {
          if (!pathRule.test(path)) throw wrong(at, `has ${JSON.stringify(path)}`, expectedPath());
          return { path, values: values.read(given, inside(at, path)) };
        });
      },
    },
  ]);
}

/** Any JSON. */
const anything: Form<Json> = { schema: {}, read: (value) => value as Json };

function varySchema(known: readonly Component[], values: Schema): Schema {
  const list = (items: Schema): Schema => ({ ...values, items });
  const slots = slotNames.map((slot) => [slot, list(slotForm(known, slot).schema)] as const);
  const sizes = sizeNames.map((name) => [name, list(withoutDefault(name))] as const);
  return {
    type: "object",
    description: "Values of each path, in order.",
    minProperties: 1,
    properties: Object.fromEntries([...sizes, ...slots]),
    patternProperties: {
      [`^(?:${slotNames.join("|")})\\[\\d+\\]$`]: values,
      [`^(?:${slotNames.join("|")})(?:\\[\\d+\\])?(?:\\.\\w+)+$`]: values,
    },
    additionalProperties: false,
  };
}

function withoutDefault(name: (typeof sizeNames)[number]): Schema {
  const { default: _, ...schema } = sizeForm(name).schema;
  return schema;
}

function expectedPath(): string {
  return `a path that begins with ${quoted([...sizeNames, ...slotNames])}`;
}
