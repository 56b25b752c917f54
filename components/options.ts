/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One option of a component: its default, and what else it may be. */
export interface Option<T> {
  /** Used where a config leaves the option out. */
  readonly default: T;
  /** For messages: `a number above 0`. */
  readonly expected: string;
  /** JSON Schema (2020-12) of the value. */
  readonly schema: { readonly [key: string]: Json };
  /** Whether `value` is allowed. */
  accepts(value: unknown): value is T;
}

/** The options of a component whose config is `Config`: every key, each with a default. */
export type Options<Config> = { readonly [K in keyof Config]: Option<Config[K]> };

/** Bounds of a number. */
export interface Bounds {
  /** Smallest value allowed. */
  readonly min?: number;
  /** Largest value allowed. */
  readonly max?: number;
  /** Values must be larger than this. */
  readonly above?: number;
}

/** A finite number. */
export function number(value: number, bounds: Bounds = {}): Option<number> {
  return numeric(value, "number", bounds);
}

/** A whole number. */
export function integer(value: number, bounds: Bounds = {}): Option<number> {
  return numeric(value, "integer", bounds);
}

/** `true` or `false`. */
export function boolean(value: boolean): Option<boolean> {
  return {
    default: value,
    expected: "true or false",
    schema: { type: "boolean", default: value },
    accepts: (v): v is boolean => typeof v === "boolean",
  };
}

/** One of a few strings. */
export function choice<const T extends string>(value: T, ...others: T[]): Option<T> {
  const all = [value, ...others];
  return {
    default: value,
    expected: all.map((v) => JSON.stringify(v)).join(" or "),
    schema: { enum: all, default: value },
    accepts: (v): v is T => all.includes(v as T),
  };
}

/** Any string. */
export function text(value: string): Option<string> {
  return {
    default: value,
    expected: "a string",
    schema: { type: "string", default: value },
    accepts: (v): v is string => typeof v === "string",
  };
}

/** What `option` allows, or `null`, which is the default and stands for what `meaning` says. */
export function nullable<T>(option: Option<T>, meaning: string): Option<T | null> {
  const { default: _, ...schema } = option.schema;
  return {
    default: null,
    expected: `${option.expected}, or null for ${meaning}`,
    schema: { anyOf: [schema, { type: "null" }], default: null },
    accepts: (v): v is T | null => v === null || option.accepts(v),
  };
}

function numeric(value: number, type: "number" | "integer", { min, max, above }: Bounds): Option<number> {
  const limits = [
    ...(above !== undefined ? [`above ${above}`] : []),
    ...(min !== undefined ? [`from ${min}`] : []),
    ...(max !== undefined ? [`up to ${max}`] : []),
  ];
  return {
    default: value,
    expected: [type === "integer" ? "a whole number" : "a number", ...limits].join(" "),
    schema: {
      type,
      default: value,
      ...(min !== undefined && { minimum: min }),
      ...(max !== undefined && { maximum: max }),
      ...(above !== undefined && { exclusiveMinimum: above }),
    },
    accepts: (v): v is number =>
      typeof v === "number" && Number.isFinite(v) && (type === "number" || Number.isInteger(v)) &&
      v >= (min ?? -Infinity) && v <= (max ?? Infinity) && v > (above ?? -Infinity),
  };
}
