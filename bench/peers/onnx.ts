/**
 * A writer of ONNX models: the protocol buffers of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, as far as
 * graphs of named tensors need them. Numbers in calls of `Message` are the field numbers of that file.
 */

/** Element types of tensors, ONNX's numbers. */
export const elementType = { f32: 1, u8: 2, i32: 6, i64: 7 } as const;

/** Constants of more bytes than this lie in a file of their own. */
const LARGE = 1 << 16;

/** A model: its graph, and a file that the graph calls `file`, with its large constants. */
export interface OnnxModel {
  /** The graph, a protocol buffer. */
  readonly graph: Uint8Array<ArrayBuffer>;
  /** Name of the other file. */
  readonly file: string;
  /** What is in it. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Name of an element type. */
export type ElementType = keyof typeof elementType;

/** A length, or the name of one that is known only when the graph runs. */
export type Dimension = number | string;

/** An attribute of a node: whole numbers are stored as such, `{ float }` as a float. */
export type Attribute = number | { readonly float: number };

const FILE = "constants";
const encoder = new TextEncoder();

/** A protocol buffer message as a list of pieces, so that large tensors are copied only once. */
class Message {
  /** What it consists of, in order. */
  readonly pieces: Uint8Array[] = [];
  /** Bytes of all pieces. */
  size = 0;

  /** A whole number. */
  int(field: number, value: number | bigint): this {
    return this.#add(varint(field << 3), varint(value));
  }

  /** A 32-bit float. */
  float(field: number, value: number): this {
    return this.#add(varint(field << 3 | 5), new Uint8Array(Float32Array.of(value).buffer));
  }

  /** A text. */
  text(field: number, value: string): this {
    return this.bytes(field, encoder.encode(value));
  }

  /** Anything with a length. */
  bytes(field: number, value: Uint8Array): this {
    return this.#add(varint(field << 3 | 2), varint(value.length), value);
  }

  /** A message within this one. */
  message(field: number, { pieces, size }: Message): this {
    return this.#add(varint(field << 3 | 2), varint(size), ...pieces);
  }

  /** All bytes. */
  done(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.size);
    let at = 0;
    for (const piece of this.pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  #add(...pieces: Uint8Array[]): this {
    for (const piece of pieces) {
      this.pieces.push(piece);
      this.size += piece.length;
    }
    return this;
  }
}

/** Seven bits a byte, lowest first; the high bit says that more follow. Negative numbers as 64-bit two's complement. */
function varint(value: number | bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

/** A graph that is built node by node. */
export class Graph {
  #graph: Message = new Message().text(2, "graph");
  #data: Uint8Array[] = [];
  #dataSize = 0;
  #names = 0;

  /** A tensor that is given when the graph runs. */
  input(name: string, type: ElementType, shape: readonly Dimension[]): string {
    this.#graph.message(11, valueInfo(name, type, shape));
    return name;
  }

  /** A tensor that comes out. */
  output(name: string, type: ElementType, shape: readonly Dimension[]): void {
    this.#graph.message(12, valueInfo(name, type, shape));
  }

  /** A tensor that never changes; `values` must have the bytes of `type`. */
  constant(type: ElementType, shape: readonly number[], values: ArrayBufferView, name: string = this.fresh()): string {
    const tensor = new Message();
    for (const n of shape) tensor.int(1, n);
    tensor.int(2, elementType[type]).text(8, name);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    if (bytes.length > LARGE) this.#putAside(tensor, bytes);
    else tensor.bytes(9, bytes);
    this.#graph.message(5, tensor);
    return name;
  }

  /** A protocol buffer of a gigabyte would be in the memory of WebAssembly twice before it is read. */
  #putAside(tensor: Message, bytes: Uint8Array): void {
    const where = { location: FILE, offset: `${this.#dataSize}`, length: `${bytes.length}` };
    for (const [key, value] of Object.entries(where)) tensor.message(13, new Message().text(1, key).text(2, value));
    tensor.int(14, 1);
    this.#data.push(bytes);
    this.#dataSize += bytes.length;
  }

  /** A node with one result, whose name is returned. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): string {
    const result = this.fresh();
    this.nodeInto([result], op, inputs, attributes, domain);
    return result;
  }

  /** A node with given names for its results. */
  nodeInto(
    outputs: readonly string[],
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): void {
    const node = new Message();
    for (const name of inputs) node.text(1, name);
    for (const name of outputs) node.text(2, name);
    node.text(4, op);
    for (const [name, value] of Object.entries(attributes)) {
      const attribute = new Message().text(1, name);
      if (typeof value === "number") attribute.int(3, value).int(20, 2);
      else attribute.float(2, value.float).int(20, 1);
      node.message(5, attribute);
    }
    this.#graph.message(1, node.text(7, domain));
  }

  /** The model: opset 17, and version 1 of ONNX Runtime's own operators. The graph must not be used any more. */
  done(): OnnxModel {
    const opset = (domain: string, version: number) => new Message().text(1, domain).int(2, version);
    const model = new Message().int(1, 8).message(8, opset("", 17)).message(8, opset("com.microsoft", 1));
    const data = new Uint8Array(this.#dataSize);
    for (let i = 0, at = 0; i < this.#data.length; at += this.#data[i++].length) data.set(this.#data[i], at);
    return { graph: model.message(7, this.#graph).done(), file: FILE, data };
  }

  /** A name that nothing else has. */
  fresh(): string {
    return `t${this.#names++}`;
  }
}

function valueInfo(name: string, type: ElementType, shape: readonly Dimension[]): Message {
  const dimensions = new Message();
  for (const n of shape) {
    dimensions.message(1, typeof n === "number" ? new Message().int(1, n) : new Message().text(2, n));
  }
  const tensor = new Message().int(1, elementType[type]).message(2, dimensions);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
