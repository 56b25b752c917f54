import { builtins } from "../../components/builtins.ts";
import type { Component, Slots } from "../../components/component.ts";
import type { Json, Option } from "../../components/options.ts";
import { slotDefaults } from "../config.ts";
import type { Schema } from "./forms.ts";
import { studyForm, trainingSlots } from "./study_forms.ts";

/** Slots that a definition fills, and what is in each by default; a tokenizer goes by the size of the text. */
const slots: Readonly<Partial<Record<keyof Slots, string | undefined>>> = {
  ...slotDefaults,
  ...trainingSlots,
  tokenizer: undefined,
};

/**
 * A JSON Schema of the file that `resolveStudy` reads, for editors: every field with its default and what it may be, every
 * component with its options. It is made from the tables that `resolveStudy` checks with. What does not show in the shape of
 * a file, it lets pass: parts that do not go together, bounds of a task's options.
 *
 * https://json-schema.org/draft/2020-12
 */
export function studySchema(components: readonly Component[] = []): { readonly [key: string]: Json } {
  const known = [...builtins, ...components];
  const definitions = Object.entries(slots).map(([slot, standard]) => [slot, slotSchema(known, slot, standard)]);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Study",
    ...studyForm(known).schema,
    ...toSchema,
    $defs: Object.fromEntries(definitions),
  };
}

/** `to` goes from one preset to another, by a path, and is instead of `vary`. */
const toSchema: Schema = {
  if: { required: ["to"] },
  then: {
    required: ["base"],
    properties: {
      base: { anyOf: [{ type: "string" }, { type: "object", required: ["preset"] }] },
      mode: { const: "path" },
    },
    not: { required: ["vary"] },
  },
};

function slotSchema(known: readonly Component[], slot: string, standard: string | undefined): Schema {
  const fitting = known.filter((component) => component.slot === slot), names = fitting.map(({ type }) => type);
  return {
    description: "A name, or an object with the name as its type, and options.",
    ...(standard !== undefined && { default: standard }),
    oneOf: [{ enum: names }, ...fitting.map(componentSchema)],
  };
}

function componentSchema({ type, options }: Component): Schema {
  const properties = Object.entries<Option<unknown>>(options as Record<string, Option<unknown>>)
    .map(([name, { expected, schema }]): [string, Json] => [name, { description: expected, ...schema }]);
  return {
    title: type,
    type: "object",
    properties: { type: { const: type }, ...Object.fromEntries(properties) },
    required: ["type"],
    additionalProperties: false,
  };
}
