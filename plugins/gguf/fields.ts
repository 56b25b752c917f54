import { type Fields, readFields } from "../huggingface/fields.ts";
import type { Header } from "./header.ts";

/** Metadata under the name of an architecture, read field by field. Keys go without that name. */
export interface MetadataFields extends Omit<Fields, "object"> {
  /** A number, or `undefined` if absent. */
  maybeNumber(key: string): number | undefined;
  /** Takes note of fields that mean nothing here. */
  ignore(...keys: readonly string[]): void;
}

/** The fields of `architecture`. */
export function metadataFields({ file, metadata }: Header, architecture: string): MetadataFields {
  const prefix = `${architecture}.`, fields = readFields(Object.fromEntries(metadata), file);
  const ignored = new Set<string>();
  return {
    number: (key, fallback) => fields.number(prefix + key, fallback),
    maybeNumber: (key) => metadata.has(prefix + key) ? fields.number(prefix + key) : undefined,
    count: (key, fallback) => fields.count(prefix + key, fallback),
    maybeCount: (key) => fields.maybeCount(prefix + key),
    flag: (key, fallback) => fields.flag(prefix + key, fallback),
    choice: (key, names, fallback) => fields.choice(prefix + key, names, fallback),
    only: (key, value) => fields.only(prefix + key, value),
    ignore: (...keys) => keys.forEach((key) => ignored.add(prefix + key)),
    unread: () => fields.unread().filter((key) => key.startsWith(prefix) && !ignored.has(key)),
  };
}
