/**
 * Throws a `TypeError` that says where `value` holds something that JSON does not: `undefined`, a function, a number that
 * is not finite, an object of a class. `JSON.stringify` would drop or change it without a word.
 */
export function expectJson(path: string, value: unknown, action = "save"): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (Array.isArray(value)) return Array.from(value).forEach((item, i) => expectJson(`${path}[${i}]`, item, action));
  if (typeof value === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    return Object.entries(value).forEach(([key, item]) => expectJson(`${path}.${key}`, item, action));
  }
  const shown = typeof value === "object" ? `a ${value.constructor?.name}` : String(value);
  throw new TypeError(`Cannot ${action} ${path}: it is ${shown}, expected what JSON can hold`);
}

/** `value` as it stands in messages: JSON, cut after `most` characters. */
export function show(value: unknown, most = 60): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > most ? `${text.slice(0, most - 3)}...` : text;
}
