/** Files as `torch.save` writes them, made on the spot: an archive, or the pickles of the versions before 1.6. */
import { size } from "../runtime/tensor.ts";
import { uniform } from "./support.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Something to be pickled. Arrays become tuples. */
export type Pickled =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly Pickled[]
  | Readonly<{ [key: string]: Pickled }>
  | Map<string, Pickled>
  | TensorToSave
  | Call;

/** A storage: the name of its class, and its bytes. */
export class StorageToSave {
  constructor(readonly key: string, readonly bytes: Bytes, readonly type = "FloatStorage", readonly width = 4) {}
}

/** A view of a storage. */
export class TensorToSave {
  constructor(
    readonly storage: StorageToSave,
    readonly shape: readonly number[],
    readonly strides: readonly number[] = stridesOf(shape),
    readonly offset = 0,
  ) {}
}

/** A function or class, by module and name, called with arguments. */
export class Call {
  constructor(readonly module: string, readonly name: string, readonly args: readonly Pickled[] = []) {}
}

/** Strides of rows. */
function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => size(shape.slice(axis + 1)));
}

const ascii = (text: string) => Array.from(new TextEncoder().encode(text));
const words = (value: number, bytes: number) => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(value), true);
  return [...new Uint8Array(view.buffer, 0, bytes)];
};
const code = (text: string) => text.charCodeAt(0);

/** A pickle of protocol 2. Storages that it speaks of are added to `storages`; `legacy` ids have one part more. */
export function pickle(value: Pickled, storages: Set<StorageToSave> = new Set(), legacy = false): Bytes {
  const out: number[] = [0x80, 2];
  const name = (module: string, of: string) => out.push(code("c"), ...ascii(`${module}\n${of}\n`));
  const tuple = (items: readonly (() => void)[]) => {
    out.push(code("("));
    for (const item of items) item();
    out.push(code("t"));
  };
  const dictionary = (entries: Iterable<readonly [string, Pickled]>) => {
    out.push(code("("));
    for (const [key, item] of entries) put(key), put(item);
    out.push(code("u"));
  };
  const put = (value: Pickled): void => {
    if (value === null) out.push(code("N"));
    else if (typeof value === "boolean") out.push(value ? 0x88 : 0x89);
    else if (typeof value === "bigint") {
      out.push(0x8a, 12, ...Array.from({ length: 12 }, (_, i) => Number(value >> BigInt(8 * i) & 255n)));
    } else if (typeof value === "number") {
      if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) out.push(code("J"), ...words(value >>> 0, 4));
      else out.push(code("G"), ...new Uint8Array(new Float64Array([value]).buffer).reverse());
    } else if (typeof value === "string") {
      const bytes = ascii(value);
      out.push(code("X"), ...words(bytes.length, 4));
      for (const byte of bytes) out.push(byte);
    } else if (value instanceof TensorToSave) {
      const { storage, shape, strides, offset } = value;
      storages.add(storage);
      name("torch._utils", "_rebuild_tensor_v2");
      tuple([
        () => {
          tuple([
            () => put("storage"),
            () => name("torch", storage.type),
            () => put(storage.key),
            () => put("cpu"),
            () => put(storage.bytes.length / storage.width),
            ...(legacy ? [() => put(null)] : []),
          ]);
          out.push(code("Q"));
        },
        () => put(offset),
        () => put(shape),
        () => put(strides),
        () => put(false),
        () => put(new Call("collections", "OrderedDict")),
      ]);
      out.push(code("R"));
    } else if (value instanceof Call) {
      name(value.module, value.name);
      put(value.args);
      out.push(code("R"));
    } else if (Array.isArray(value)) {
      tuple(value.map((item) => () => put(item)));
    } else if (value instanceof Map) { // as a state_dict is: with attributes
      put(new Call("collections", "OrderedDict"));
      dictionary(value);
      put({ _metadata: null });
      out.push(code("b"));
    } else {
      out.push(code("}"));
      dictionary(Object.entries(value));
    }
  };
  put(value);
  out.push(code("."));
  return Uint8Array.from(out);
}

/** An archive with files as they are, each at a multiple of 64 bytes; `large`: with numbers of 64 bits. */
export function archive(files: Readonly<Record<string, Bytes>>, large = false, method = 0): Bytes {
  const parts: (number[] | Bytes)[] = [], directory: number[][] = [];
  let at = 0;
  const add = (bytes: number[] | Bytes) => (parts.push(bytes), at += bytes.length);
  for (const [name, bytes] of Object.entries(files)) {
    const header = at, title = ascii(name), length = bytes.length, padding = 64 - (at + 34 + title.length) % 64;
    const fields = [...words(0, 2), ...words(method, 2), ...words(0, 8)]; // flags, method, time, check sum
    const sizes = (large ? [0xffffffff, 0xffffffff] : [length, length]).flatMap((n) => words(n, 4));
    const extra = large ? [1, 0, 24, 0, ...[length, length, header].flatMap((n) => words(n, 8))] : [];
    const filler = [0x46, 0x42, ...words(padding, 2), ...Array(padding).fill(90)];
    add([...ascii("PK\x03\x04"), 45, 0, ...fields, ...sizes, ...words(title.length, 2), ...words(filler.length, 2)]);
    add([...title, ...filler]);
    add(bytes);
    directory.push([...ascii("PK\x01\x02"), 45, 0, 45, 0, ...fields, ...sizes]);
    directory.push([...[title.length, extra.length, 0, 0, 0, 0, 0].flatMap((n) => words(n, 2))]);
    directory.push([...words(large ? 0xffffffff : header, 4), ...title, ...extra]);
  }
  const start = at, count = Object.keys(files).length, entries = directory.flat();
  add(entries);
  if (large) {
    const end = at, numbers = [count, count, entries.length, start].flatMap((n) => words(n, 8));
    add([...ascii("PK\x06\x06"), ...words(44, 8), 45, 0, 45, 0, ...words(0, 8), ...numbers]);
    add([...ascii("PK\x06\x07"), ...words(0, 4), ...words(end, 8), ...words(1, 4)]);
  }
  const counts = large ? [0xffff, 0xffff] : [count, count];
  add([...ascii("PK\x05\x06"), ...words(0, 4), ...counts.flatMap((n) => words(n, 2)), ...words(entries.length, 4)]);
  add([...words(large ? 0xffffffff : start, 4), 0, 0]);
  return joined(parts);
}

function joined(parts: readonly ArrayLike<number>[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) whole.set(part, at), at += part.length;
  return whole;
}

/** A file of today's versions. */
export function torchArchive(value: Pickled, { large = false, byteorder = "little" } = {}): Bytes {
  const storages = new Set<StorageToSave>(), bytes = pickle(value, storages);
  return archive({
    "archive/data.pkl": bytes,
    "archive/byteorder": Uint8Array.from(ascii(byteorder)),
    ...Object.fromEntries([...storages].map(({ key, bytes }) => [`archive/data/${key}`, bytes])),
    "archive/version": Uint8Array.from(ascii("3\n")),
  }, large);
}

/** A file of the versions before 1.6. */
export function torchPickles(value: Pickled, { version = 1001, little = true } = {}): Bytes {
  const storages = new Set<StorageToSave>(), saved = pickle(value, storages, true), list = [...storages];
  const parts = [
    pickle(0x1950a86a20f9469cfc6cn),
    pickle(version),
    pickle({ protocol_version: 1001, little_endian: little, type_sizes: { short: 2, int: 4, long: 4 } }),
    saved,
    pickle(list.map(({ key }) => key)),
    ...list.flatMap(({ bytes, width }) => [Uint8Array.from(words(bytes.length / width, 8)), bytes]),
  ];
  return joined(parts);
}

/** Tensors of f32, each in a storage of its own, with the values that `safetensors` gives the same shapes. */
export function stateDict(shapes: Readonly<Record<string, readonly number[]>>): Map<string, TensorToSave> {
  const all = uniform(Object.values(shapes).reduce((sum, shape) => sum + size(shape), 0), 1).map((v) => v / 4);
  let at = 0;
  return new Map(
    Object.entries(shapes).map(([name, shape], i) => {
      const bytes = new Uint8Array(all.slice(at, at += size(shape)).buffer);
      return [name, new TensorToSave(new StorageToSave(String(i), bytes), shape)];
    }),
  );
}

/** A small nanoGPT: names and shapes of its tensors. */
export function nanogptShapes({ layers = 1, dim = 8, vocab = 13, context = 16, bias = true } = {}) {
  const shapes: Record<string, readonly number[]> = {
    "transformer.wte.weight": [vocab, dim],
    "transformer.wpe.weight": [context, dim],
  };
  const add = (name: string, out: number, ...inner: number[]) => {
    shapes[`${name}.weight`] = [out, ...inner];
    if (bias) shapes[`${name}.bias`] = [out];
  };
  for (let i = 0; i < layers; i++) {
    const block = `transformer.h.${i}`;
    add(`${block}.ln_1`, dim);
    add(`${block}.attn.c_attn`, 3 * dim, dim);
    add(`${block}.attn.c_proj`, dim, dim);
    add(`${block}.ln_2`, dim);
    add(`${block}.mlp.c_fc`, 4 * dim, dim);
    add(`${block}.mlp.c_proj`, dim, 4 * dim);
  }
  add("transformer.ln_f", dim);
  return shapes;
}

/** What its `model_args` say. */
export const nanogptArgs = {
  n_layer: 1,
  n_head: 2,
  n_embd: 8,
  block_size: 16,
  bias: true,
  vocab_size: 13,
  dropout: 0.2,
};

/** Its `ckpt.pt`: names as a compiled model has them, the head beside the embedding that it is. */
export function nanogptCheckpoint(
  args: Readonly<Record<string, Pickled>> = {},
  change: (weights: Map<string, Pickled>) => void = () => {},
): { readonly [key: string]: Pickled } {
  const all = { ...nanogptArgs, ...args }, weights = new Map<string, Pickled>();
  for (const [name, tensor] of stateDict(nanogptShapes({ bias: all.bias as boolean }))) {
    weights.set(`_orig_mod.${name}`, tensor);
  }
  weights.set("_orig_mod.lm_head.weight", weights.get("_orig_mod.transformer.wte.weight")!);
  change(weights);
  const config = { out_dir: "out", dataset: "shakespeare_char", beta: 0.99 };
  return { model: weights, optimizer: { state: {} }, model_args: all, iter_num: 5000, best_val_loss: 1.46, config };
}
