import {
  describe,
  type ElementType,
  inert,
  isCount,
  isKind,
  type Known,
  type Storage,
  type TorchTensor,
  type Value,
} from "./values.ts";

/** Makes an error of what is wrong with what is being read. */
export type Fail = (problem: string) => Error;

/** Longest name of a storage: a number. */
const LONGEST_KEY = 64;
/** Most axes of a tensor. */
const AXES = 64;

const type = (name: string, bytes: number): ElementType => ({ kind: "type", name, bytes });
const elementTypes = [
  type("float32", 4),
  type("float16", 2),
  type("bfloat16", 2),
  type("float64", 8),
  type("uint8", 1),
  type("int8", 1),
  type("int16", 2),
  type("int32", 4),
  type("int64", 8),
  type("bool", 1),
  type("uint16", 2),
  type("uint32", 4),
  type("uint64", 8),
  type("complex64", 8),
  type("complex128", 16),
  type("float8_e4m3fn", 1),
  type("float8_e5m2", 1),
] as const;

/** Classes of storages; those of other types are untyped, and the tensor says the type. */
const storages: Readonly<Record<string, string>> = {
  FloatStorage: "float32",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  DoubleStorage: "float64",
  ByteStorage: "uint8",
  CharStorage: "int8",
  ShortStorage: "int16",
  IntStorage: "int32",
  LongStorage: "int64",
  BoolStorage: "bool",
  ComplexFloatStorage: "complex64",
  ComplexDoubleStorage: "complex128",
};

/** The type of storages of bytes. */
const UNTYPED = type("bytes", 1);

/** Types by the names of what stands for them. */
const types: ReadonlyMap<string, ElementType> = new Map([
  ...elementTypes.map((t) => [`torch.${t.name}`, t] as const),
  ...Object.entries(storages).map(([name, of]) => [`torch.${name}`, elementTypes.find((t) => t.name === of)!] as const),
  ["torch.storage.UntypedStorage", UNTYPED],
  ["torch.UntypedStorage", UNTYPED],
]);

/** Everything that can be called, and what it gives. No name that a file holds leads anywhere else. */
const functions: Readonly<Record<string, (args: readonly Value[], fail: Fail) => Value>> = {
  "collections.OrderedDict": ([items], fail) => {
    if (items !== undefined) throw fail("makes a dictionary of what was there before, expected an empty one");
    return new Map();
  },
  "torch.Size": ([sizes = []]) => sizes,
  "torch._utils._rebuild_tensor": ([storage, offset, shape, strides], fail) =>
    tensor(storage, undefined, offset, shape, strides, fail),
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides, , , metadata], fail) =>
    marked(metadata) ?? tensor(storage, undefined, offset, shape, strides, fail),
  "torch._utils._rebuild_tensor_v3": ([storage, offset, shape, strides, , , type, metadata], fail) =>
    marked(metadata) ?? tensor(storage, type, offset, shape, strides, fail),
  "torch._utils._rebuild_parameter": ([data = null]) => data,
  "torch._utils._rebuild_parameter_with_state": ([data = null]) => data,
};

/** What a name in a file stands for. */
export function lookUp(module: string, name: string): ElementType | Known | Value {
  const full = `${module}.${name}`, found = types.get(full);
  if (found) return found;
  return Object.hasOwn(functions, full) ? { kind: "known", name: full } : inert(full);
}

/** What calling `f` gives. */
export function call(f: Value, args: Value, fail: Fail): Value {
  if (!Array.isArray(args)) throw fail(`calls with ${describe(args)}, expected a tuple`);
  if (isKind(f, "known")) return functions[f.name](args, fail);
  if (isKind(f, "inert")) return f;
  throw fail(`calls ${describe(f)}, expected a function`);
}

/**
 * The storage that an id stands for: `("storage", type, key, device, count)`, in files of the first versions with
 * `(key, first, count)` of a part of it. Other ids are of what tensors do not need.
 */
export function storageOf(id: Value, fail: Fail): Storage | Value {
  if (!Array.isArray(id) || id[0] !== "storage") return inert("a persistent object");
  const [, type, key, , count, view] = id;
  if (isKind(type, "inert")) return type;
  if (!isKind(type, "type")) throw fail(`has a storage of ${describe(type)}, expected a type`);
  if (!isCount(key) && (typeof key !== "string" || key.length > LONGEST_KEY)) {
    throw fail(`has a storage named ${describe(key)}, expected a short text`);
  }
  const [, first, length] = Array.isArray(view) ? view : [key, 0, count];
  if (!isCount(first) || !isCount(length)) {
    throw fail(`has a storage of ${describe(count)} elements, expected a number`);
  }
  return { kind: "storage", key: String(key), type, first, count: length };
}

/** What stands for a tensor whose elements are to be conjugated or negated. */
function marked(metadata: Value | undefined): Value | undefined {
  return metadata instanceof Map && metadata.size > 0 ? inert("a tensor with metadata") : undefined;
}

/** A view of a storage, all of which lies in it. */
function tensor(
  storage: Value | undefined,
  given: Value | undefined,
  offset: Value | undefined,
  shape: Value | undefined,
  strides: Value | undefined,
  fail: Fail,
): TorchTensor | Value {
  if (isKind(storage, "inert")) return storage;
  if (!isKind(storage, "storage")) throw fail(`makes a tensor of ${describe(storage)}, expected a storage`);
  if (isKind(given, "inert")) return given;
  const type = given === undefined ? storage.type : given;
  if (!isKind(type, "type")) throw fail(`makes a tensor of ${describe(type)}, expected a type`);
  if (!isCount(offset) || !isCounts(shape) || !isCounts(strides) || shape.length !== strides.length) {
    throw fail(
      `makes a tensor whose offset, sizes or strides are not numbers, expected as many sizes as strides, at most ${AXES}`,
    );
  }
  const count = Math.floor(storage.count * storage.type.bytes / type.bytes);
  const empty = shape.includes(0), last = shape.reduce((sum, n, i) => sum + (n - 1) * strides[i], offset);
  if (!empty && last >= count) {
    throw fail(`makes a tensor up to element ${last} of storage ${JSON.stringify(storage.key)}, which has ${count}`);
  }
  // Copies: what comes later in the file must not change what was checked.
  return { kind: "tensor", storage, type, offset, shape: [...shape], strides: [...strides] };
}

function isCounts(value: Value | undefined): value is number[] {
  return Array.isArray(value) && value.length <= AXES && value.every(isCount);
}
