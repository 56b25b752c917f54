import { CheckpointError } from "../../model/source.ts";
import { type Fields, readFields } from "../huggingface/fields.ts";
import type { Header } from "./header.ts";

/** More than any size of a model: files lie, and some sizes are allocated before tensors can be compared with them. */
const MOST = 2 ** 24;

/** Metadata under the name of an architecture, read field by field. Keys go without that name. */
export interface MetadataFields extends Pick<Fields, "number" | "flag" | "choice" | "only" | "unread"> {
  /** A whole number, 1 … `most`, `fallback` if absent. */
  count(key: string, fallback?: number, most?: number): number;
  /** The same, or `undefined` if absent. */
  maybeCount(key: string, most?: number): number | undefined;
  /** A number, or `undefined` if absent. */
  maybeNumber(key: string): number | undefined;
  /** Takes note of fields that mean nothing here. */
  ignore(...keys: readonly string[]): void;
}

/** The fields of `architecture`. */
export function metadataFields({ file, metadata }: Header, architecture: string): MetadataFields {
  const prefix = `${architecture}.`, fields = readFields(Object.fromEntries(metadata), file);
  const ignored = new Set<string>();
  const count = (key: string, fallback?: number, most = MOST) => {
    const value = fields.count(prefix + key, fallback);
    if (value <= most) return value;
    throw new CheckpointError(`Cannot read ${file}: ${prefix + key} is ${value}, expected at most ${most}`);
  };
  return {
    number: (key, fallback) => fields.number(prefix + key, fallback),
    maybeNumber: (key) => metadata.has(prefix + key) ? fields.number(prefix + key) : undefined,
    count,
    maybeCount: (key, most) => metadata.has(prefix + key) ? count(key, undefined, most) : undefined,
    flag: (key, fallback) => fields.flag(prefix + key, fallback),
    choice: (key, names, fallback) => fields.choice(prefix + key, names, fallback),
    only: (key, value) => fields.only(prefix + key, value),
    ignore: (...keys) => keys.forEach((key) => ignored.add(prefix + key)),
    unread: () => fields.unread().filter((key) => key.startsWith(prefix) && !ignored.has(key)),
  };
}
