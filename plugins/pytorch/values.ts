/** What a pickle holds, as far as anything here looks at it. Lists and tuples are both arrays. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array<ArrayBufferLike>
  | Value[]
  | Map<Value, Value>
  | ElementType
  | Known
  | Inert
  | Storage
  | TorchTensor;

/** The type of the elements of a storage. */
export interface ElementType {
  /** Tells it from other values. */
  readonly kind: "type";
  /** As PyTorch names it: `float32`. */
  readonly name: string;
  /** Bytes of an element. */
  readonly bytes: number;
}

/** A function or class that is known, by the name of what stands for it here. */
export interface Known {
  /** Tells it from other values. */
  readonly kind: "known";
  /** `torch._utils._rebuild_tensor_v2`. */
  readonly name: string;
}

/** What was made by something that is not known: it stays as it is, whatever is done to it. */
export interface Inert {
  /** Tells it from other values. */
  readonly kind: "inert";
  /** What made it: `argparse.Namespace`. */
  readonly name: string;
}

/** Bytes that tensors are views of. */
export interface Storage {
  /** Tells it from other values. */
  readonly kind: "storage";
  /** Its name in the file. */
  readonly key: string;
  /** What it holds. */
  readonly type: ElementType;
  /** How many elements it has. */
  readonly count: number;
  /** Its first element among those of its key. 0 but in files of the first versions. */
  readonly first: number;
}

/** A view of a storage. Numbers count elements. */
export interface TorchTensor {
  /** Tells it from other values. */
  readonly kind: "tensor";
  /** Where its elements are. */
  readonly storage: Storage;
  /** What they are. */
  readonly type: ElementType;
  /** The place of the first. */
  readonly offset: number;
  /** Sizes, outermost axis first. */
  readonly shape: readonly number[];
  /** Steps from one to the next along each axis. */
  readonly strides: readonly number[];
}

/** Something of a name that nothing here knows. */
export function inert(name: string): Inert {
  return { kind: "inert", name };
}

/** Whether a value is of a kind. */
export function isKind<K extends "type" | "known" | "inert" | "storage" | "tensor">(
  value: Value | undefined,
  kind: K,
): value is Extract<Value, { kind: K }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

/** Whether a value is a number of things. */
export function isCount(value: Value | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** What a value is, for messages. */
export function describe(value: Value | undefined): string {
  if (value === undefined || value === null) return "nothing";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value !== "object") return String(value).slice(0, 40);
  if (value instanceof Map) return "a dictionary";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Uint8Array) return "bytes";
  if (value.kind === "tensor") return "a tensor";
  return value.kind === "storage" ? "a storage" : value.name;
}
