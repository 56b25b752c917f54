import { type ResolvedConfig, sizeOptions, slotDefaults } from "../config.ts";
import { show } from "../json.ts";

/** One setting of a model's config: what stands at a path. */
interface ConfigPath {
  /** Size or slot: `dim`, `feedForward`. */
  readonly field: string;
  /** Which entry of a list over depth; absent for all of them. */
  readonly index: number | undefined;
  /** Option of the component, then what is in it: `["scaling", "factor"]`. */
  readonly keys: readonly string[];
}

/**
 * `config` with `value` at `path`: a size (`dim`), a slot (`norm`), an entry of a list over depth (`norm[1]`), an option
 * of a component (`feedForward.hidden`) or what is in one (`position.scaling.factor`). A slot is replaced whole: options
 * that `value` leaves out get their defaults, not those of before. An option of a slot that holds a list is set in every
 * entry. The result is not checked. Throws a `TypeError` for a path that leads nowhere.
 */
export function setAt(config: ResolvedConfig, path: string, value: unknown): Record<string, unknown> {
  const { field, index, keys } = readPath(path), choice = (config as unknown as Record<string, unknown>)[field];
  const put = (old: unknown) => setKeys(old, keys, value, path, field);
  if (index === undefined) {
    return { ...config, [field]: keys.length && Array.isArray(choice) ? choice.map(put) : put(choice) };
  }
  if (!Array.isArray(choice) || index >= choice.length) {
    throw new TypeError(`Cannot set ${path}: ${field} is ${show(choice)}, expected a list of at least ${index + 1}`);
  }
  return { ...config, [field]: choice.with(index, put(choice[index])) };
}

/** What stands at `path`, or `undefined`; of a list over depth, what its first entry has. Throws as {@linkcode setAt}. */
export function valueAt(config: ResolvedConfig, path: string): unknown {
  const { field, index, keys } = readPath(path), choice = (config as unknown as Record<string, unknown>)[field];
  const start = Array.isArray(choice) && (keys.length || index !== undefined) ? choice[index ?? 0] : choice;
  return keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], start);
}

/** Throws a `TypeError` unless `path` can stand in a model's config. */
export function expectPath(path: string): void {
  readPath(path);
}

function readPath(path: string): ConfigPath {
  const [, field, index, rest] = /^(\w+)(?:\[(\d+)\])?((?:\.\w+)*)$/.exec(String(path)) ?? [];
  if (field === undefined) {
    throw new TypeError(`Cannot vary ${show(path)}: it is no path, expected one like "norm" or "feedForward.hidden"`);
  }
  const isSize = Object.hasOwn(sizeOptions, field);
  if (!isSize && !Object.hasOwn(slotDefaults, field)) {
    const known = [...Object.keys(sizeOptions), ...Object.keys(slotDefaults)].map((k) => JSON.stringify(k)).join(", ");
    throw new TypeError(`Cannot vary ${show(path)}: a model has no "${field}", expected ${known}`);
  }
  if (isSize && path !== field) {
    throw new TypeError(`Cannot vary ${show(path)}: ${field} has no parts, expected "${field}"`);
  }
  return { field, index: index === undefined ? undefined : Number(index), keys: rest.split(".").slice(1) };
}

function setKeys(old: unknown, keys: readonly string[], value: unknown, path: string, at: string): unknown {
  if (!keys.length) return value;
  if (typeof old !== "object" || old === null || Array.isArray(old)) {
    throw new TypeError(`Cannot set ${path}: ${at} is ${show(old)}, expected an object`);
  }
  const [key, ...rest] = keys;
  return { ...old, [key]: setKeys((old as Record<string, unknown>)[key], rest, value, path, `${at}.${key}`) };
}
