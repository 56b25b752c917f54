import type { Component, Slots } from "../../components/component.ts";
import type { Json, Option } from "../../components/options.ts";
import { resolveComponent, type ResolvedOptions } from "../config.ts";
import { show } from "../json.ts";

/** A JSON Schema, or a part of one. */
export type Schema = { readonly [key: string]: Json };

/** Where in a definition something stands, for messages. */
export interface Place {
  /** Name of the file, if it came from one. */
  readonly where?: string | undefined;
  /** `training.batch`; empty for the whole. */
  readonly path: string;
}

/** What a value may be: for editors as a JSON Schema, and as the function that checks it. */
export interface Form<T> {
  /** JSON Schema, 2020-12. */
  readonly schema: Schema;
  /** The value in the one form that the rest of the code knows. Throws a `TypeError` that names the place. */
  read(value: unknown, at: Place): T;
}

/** One way to write a value that may be written in several. */
export interface Way<T> extends Form<T> {
  /** Whether it is written this way, right or wrong. */
  takes(value: unknown): boolean;
}

/** `Cannot read the study in fast.json: training.batch is 0, expected a whole number from 1`. */
export function wrong(at: Place, state: string, expected: string): TypeError {
  return new TypeError(`${action(at)}: ${at.path || "it"} ${state}, expected ${expected}`);
}

/** Runs `f`; what it throws gets the place in front, as {@linkcode placed} says. */
export function within<T>(at: Place, cut: RegExp, f: () => T): T {
  try {
    return f();
  } catch (error) {
    throw placed(at, cut, error);
  }
}

/** An error with the place in front, without the words at its start that `cut` matches; other than ours as it is. */
export function placed(at: Place, cut: RegExp, error: unknown): unknown {
  if (!(error instanceof TypeError || error instanceof RangeError)) return error;
  const path = at.path && `${at.path}: `;
  return new TypeError(`${action(at)}: ${path}${error.message.replace(cut, "")}`, { cause: error });
}

function action({ where }: Place): string {
  return `Cannot read the study${where === undefined ? "" : ` in ${where}`}`;
}

/** What stands under a key, or at an index, of what stands at `at`. */
export function inside({ where, path }: Place, key: string | number): Place {
  if (typeof key === "number") return { where, path: `${path}[${key}]` };
  const name = /^[\w$]+$/.test(key) ? key : undefined;
  return { where, path: name === undefined ? `${path}[${JSON.stringify(key)}]` : path ? `${path}.${name}` : name };
}

/** Whether a value is an object with keys. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `"a", "b"`. */
export function quoted(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

/** What an option of a component may be. */
export function plain<T>(option: Option<T>, description: string): Form<T> {
  return {
    schema: { description, ...option.schema },
    read(value, at) {
      if (option.accepts(value)) return value;
      throw wrong(at, `is ${show(value)}`, option.expected);
    },
  };
}

/** The name of a component with or without options, every default filled in. Its schema is in `$defs`. */
export function component(known: readonly Component[], slot: keyof Slots, description: string): Form<ResolvedOptions> {
  return {
    schema: { description, $ref: `#/$defs/${slot}` },
    read: (value, at) =>
      within({ ...at, path: "" }, /^Cannot build /, () => resolveComponent(known, slot, value, at.path).config),
  };
}

/** A text that is not empty. */
export function words(description: string, expected: string): Form<string> {
  return {
    schema: { description, type: "string", minLength: 1 },
    read(value, at) {
      if (typeof value === "string" && value) return value;
      throw wrong(at, `is ${show(value)}`, expected);
    },
  };
}

/** A list of at least `least`, each once if `distinct`. */
export function listOf<T>(
  item: Form<T>,
  description: string,
  { least = 1, distinct = false }: { readonly least?: number; readonly distinct?: boolean } = {},
): Form<T[]> {
  return {
    schema: {
      description,
      type: "array",
      items: item.schema,
      ...(least && { minItems: least }),
      ...(distinct && { uniqueItems: true }),
    },
    read(value, at) {
      if (!Array.isArray(value) || value.length < least) {
        const expected = least > 1 ? `a list of at least ${least}` : least ? "a list that is not empty" : "a list";
        throw wrong(at, `is ${show(value)}`, expected);
      }
      const read = value.map((entry, i) => item.read(entry, inside(at, i)));
      const twice = distinct ? read.findIndex((entry, i) => read.indexOf(entry) < i) : -1;
      if (twice >= 0) throw wrong(inside(at, twice), `is ${show(read[twice])} again`, "each of the list once");
      return read;
    },
  };
}

/** An object with some of the fields, and all of those that are `required`. */
export function objectOf<T extends object>(
  fields: { readonly [K in keyof T]: Form<T[K]> },
  description: string,
  required: readonly (keyof T & string)[] = [],
): Form<Partial<T>> {
  const forms = Object.entries<Form<unknown>>(fields), names = Object.keys(fields);
  return {
    schema: {
      description,
      type: "object",
      properties: Object.fromEntries(forms.map(([name, { schema }]) => [name, schema])),
      ...(required.length && { required }),
      additionalProperties: false,
    },
    read(value, at) {
      if (!isObject(value)) throw wrong(at, `is ${show(value)}`, `an object with some of ${quoted(names)}`);
      const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key));
      if (unknown !== undefined) throw wrong(at, `has ${JSON.stringify(unknown)}`, quoted(names));
      const missing = required.find((name) => !Object.hasOwn(value, name));
      if (missing !== undefined) throw wrong(at, `has no ${JSON.stringify(missing)}`, quoted(required));
      const given = forms.filter(([name]) => Object.hasOwn(value, name));
      return Object.fromEntries(
        given.map(([name, form]) => [name, form.read(value[name], inside(at, name))]),
      ) as Partial<T>;
    },
  };
}

/** A value that may be written in several ways. */
export function either<T>(description: string, expected: string, ways: readonly Way<T>[]): Form<T> {
  return {
    schema: { description, anyOf: ways.map(({ schema }) => schema) },
    read(value, at) {
      const way = ways.find(({ takes }) => takes(value));
      if (way) return way.read(value, at);
      throw wrong(at, `is ${show(value)}`, expected);
    },
  };
}

/** A way to write a value: what `form` reads, turned into what it stands for. */
export function way<A, T>(
  takes: (value: unknown) => boolean,
  form: Form<A>,
  meaning: (value: A, at: Place) => T,
): Way<T> {
  return { takes, schema: form.schema, read: (value, at) => meaning(form.read(value, at), at) };
}

/** A few values, each standing for something. */
export function meanings<T>(table: readonly (readonly [value: Json, meaning: T])[]): Way<T> {
  return {
    takes: (value) => table.some(([v]) => v === value),
    schema: { enum: table.map(([value]) => value) },
    read: (value) => table.find(([v]) => v === value)![1],
  };
}
