import type { StoredTensor } from "../../model/format.ts";
import { type BlockFormat, blockFormats } from "../../model/quantized/blocks.ts";
import { size } from "../../runtime/tensor.ts";
import type { ByteReader } from "./bytes.ts";

/** Names of the types that tensors may have, by their numbers; holes are numbers that are used no more. */
const types: readonly (string | undefined)[] = [
  ..."F32 F16 Q4_0 Q4_1 - - Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS IQ3_XXS IQ1_S IQ4_NL"
    .split(" "),
  ..."IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 - - - TQ1_0 TQ2_0 - - - MXFP4 NVFP4 Q1_0".split(" "),
].map((name) => name === "-" ? undefined : name);

/** Types of single values, as the runtime reads them. */
const plain: Readonly<Record<string, StoredTensor["dtype"]>> = { F32: "f32", F16: "f16", BF16: "bf16" };

/** Most axes. */
const AXES = 4;
/** Fewest bytes of an entry: a name, no axes, type, offset. */
const ENTRY = 24;

/** Where a tensor is. */
export interface TensorPlace {
  /** Sizes, outermost axis first. */
  readonly shape: readonly number[];
  /** How its values are stored. */
  readonly stored: BlockFormat | StoredTensor["dtype"];
  /** First byte: after the beginning of the data while the table is read, in the file afterwards. */
  readonly begin: number;
  /** Bytes. */
  readonly bytes: number;
}

/** Reads the table of `count` tensors, whose data begins at a multiple of `align` after it, and checks where they are. */
export async function readPlaces(
  reader: ByteReader,
  fileBytes: number,
  count: number,
  align: number,
): Promise<Map<string, TensorPlace>> {
  const places = new Map<string, TensorPlace & { readonly entry: number }>();
  for (let i = 0; i < count; i++) {
    const entry = reader.at(), name = await reader.text(`the name of tensor ${i}`);
    if (places.has(name)) throw reader.fail(entry, `is ${quote(name)} a second time, expected every name once`);
    places.set(name, { ...await readPlace(reader, quote(name), align), entry });
  }
  const start = Math.ceil(reader.at() / align) * align;
  let end = start, before = "the header";
  for (const [name, { begin, bytes, entry }] of [...places].sort(([, a], [, b]) => a.begin - b.begin)) {
    const first = start + begin;
    if (first < end) {
      throw reader.fail(entry, `${quote(name)} begins at byte ${first}, expected ${end}, after ${before}`);
    }
    if (first + bytes > fileBytes) {
      throw reader.fail(
        entry,
        `${quote(name)} ends at byte ${first + bytes}, expected at most ${fileBytes}, where the file ends`,
      );
    }
    end = first + bytes;
    before = quote(name);
  }
  return new Map([...places].map(([name, { entry: _, begin, ...rest }]) => [name, { ...rest, begin: start + begin }]));
}

/** The number of tensors. */
export const countOfPlaces = (reader: ByteReader): Promise<number> => reader.count("tensors", ENTRY);

async function readPlace(reader: ByteReader, name: string, align: number): Promise<TensorPlace> {
  let place = reader.at();
  const axes = await reader.u32(`the number of axes of ${name}`), shape: number[] = [];
  if (axes < 1 || axes > AXES) throw reader.fail(place, `${name} has ${axes} axes, expected 1 … ${AXES}`);
  for (let axis = 0; axis < axes; axis++) {
    place = reader.at();
    shape.unshift(await reader.u64(`the shape of ${name}`)); // innermost axis first in the file
    if (shape[0] < 1 || size(shape) > 2 ** 40) {
      throw reader.fail(place, `${name} is [${shape.toReversed().join(", ")}, …] long, expected 1 … 2⁴⁰ values`);
    }
  }
  place = reader.at();
  const type = await reader.u32(`the type of ${name}`), stored = storedAs(types[type] ?? "");
  if (!stored) {
    const supported = [...Object.keys(plain), ...Object.keys(blockFormats)].join(", ");
    throw reader.fail(place, `the type of ${name} is ${types[type] ?? type}, expected one of ${supported}`);
  }
  const { values, bytes } = typeof stored === "string" ? { values: 1, bytes: stored === "f32" ? 4 : 2 } : stored;
  if (shape.at(-1)! % values) {
    throw reader.fail(
      place,
      `rows of ${name} have ${shape.at(-1)} values, expected blocks of ${values} for ${types[type]}`,
    );
  }
  place = reader.at();
  const begin = await reader.u64(`the offset of ${name}`);
  if (begin % align) throw reader.fail(place, `the offset of ${name} is ${begin}, expected a multiple of ${align}`);
  return { shape, stored, begin, bytes: size(shape) / values * bytes };
}

/** The number of a type. */
export function numberOfType(name: "F32" | "Q8_0" | "Q4_0"): number {
  return types.indexOf(name);
}

function storedAs(type: string): TensorPlace["stored"] | undefined {
  if (Object.hasOwn(plain, type)) return plain[type];
  return Object.hasOwn(blockFormats, type) ? blockFormats[type as keyof typeof blockFormats] : undefined;
}

const quote = (name: string) => JSON.stringify(name);
