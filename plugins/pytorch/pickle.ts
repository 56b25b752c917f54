import { call, type Fail, lookUp, storageOf } from "./globals.ts";
import { describe, inert, isKind, type Storage, type Value } from "./values.ts";

/** The code of the last instruction. */
const STOP = 0x2e;
/** Longest whole number, in bytes: the magic number of the first versions has 10. */
const LONGEST_NUMBER = 64;
/** Longest name of a module or of something in it. */
const LONGEST_NAME = 512;

/** A part of a file that a pickle is in. */
export interface Window {
  /** Its bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The place of the first of them in the file. */
  readonly base: number;
  /** The place in the file where the pickle must have ended: there may be fewer bytes than that. */
  readonly limit: number;
  /** The error for a problem at a byte of the file. */
  fail(at: number, problem: string): Error;
}

/** The pickle goes on after the window. */
export class Short extends Error {
  /** `needed` is how many bytes the window should have had, at least. */
  constructor(readonly needed: number) {
    super("Cannot read the pickle: it goes on");
  }
}

/** A pickle that was read. */
export interface Unpickled {
  /** What it holds. */
  readonly value: Value;
  /** The byte of the window after it. */
  readonly end: number;
  /** Every storage that it speaks of. */
  readonly storages: readonly Storage[];
}

/** What instructions work on. */
interface Machine {
  readonly stack: Value[];
  /** Sizes that the stack had. */
  readonly marks: number[];
  readonly memo: Map<number, Value>;
  readonly storages: Storage[];
  readonly fail: Fail;
  push(value: Value): void;
  pop(): Value;
  top(): Value;
  /** Everything above the last mark, which goes too. */
  above(): Value[];
  take(bytes: number): DataView<ArrayBuffer>;
  text(bytes: number): string;
  line(): string;
}

type Instruction = (m: Machine) => void;

const u8 = (m: Machine) => m.take(1).getUint8(0), u32 = (m: Machine) => m.take(4).getUint32(0, true);
const u64 = (m: Machine) => Number(m.take(8).getBigUint64(0, true)); // beyond 2⁵³ no file is as long anyway

const reduce: Instruction = (m) => {
  const args = m.pop();
  m.push(call(m.pop(), args, m.fail));
};
const tuple = (length: number): Instruction => (m) => m.push(Array.from({ length }, () => m.pop()).reverse());

/** Instructions by their code. */
const instructions: ReadonlyMap<string, Instruction> = new Map<string, Instruction>([
  ["\x80", (m) => { // PROTO
    const version = u8(m);
    if (version > 5) throw m.fail(`has a pickle of protocol ${version}, expected 2 to 5`);
  }],
  ["\x95", (m) => void u64(m)], // FRAME: how much follows, which says so itself
  ["(", (m) => void m.marks.push(m.stack.length)], // MARK
  ["0", (m) => void m.pop()], // POP
  ["1", (m) => void m.above()], // POP_MARK
  ["2", (m) => m.push(m.top())], // DUP
  ["N", (m) => m.push(null)],
  ["\x88", (m) => m.push(true)],
  ["\x89", (m) => m.push(false)],
  ["K", (m) => m.push(u8(m))], // BININT1
  ["M", (m) => m.push(m.take(2).getUint16(0, true))], // BININT2
  ["J", (m) => m.push(m.take(4).getInt32(0, true))], // BININT
  ["\x8a", (m) => m.push(whole(m, u8(m)))], // LONG1
  ["\x8b", (m) => m.push(whole(m, u32(m)))], // LONG4
  ["G", (m) => m.push(m.take(8).getFloat64(0))], // BINFLOAT
  ["\x8c", (m) => m.push(m.text(u8(m)))], // SHORT_BINUNICODE
  ["X", (m) => m.push(m.text(u32(m)))], // BINUNICODE
  ["\x8d", (m) => m.push(m.text(u64(m)))], // BINUNICODE8
  ["U", (m) => m.push(m.text(u8(m)))], // SHORT_BINSTRING: a text of Python 2
  ["T", (m) => m.push(m.text(u32(m)))], // BINSTRING
  ["C", (m) => m.push(raw(m, u8(m)))], // SHORT_BINBYTES
  ["B", (m) => m.push(raw(m, u32(m)))], // BINBYTES
  ["\x8e", (m) => m.push(raw(m, u64(m)))], // BINBYTES8
  ["\x96", (m) => m.push(raw(m, u64(m)))], // BYTEARRAY8
  [")", (m) => m.push([])], // EMPTY_TUPLE
  ["\x85", tuple(1)],
  ["\x86", tuple(2)],
  ["\x87", tuple(3)],
  ["t", (m) => m.push(m.above())], // TUPLE
  ["]", (m) => m.push([])], // EMPTY_LIST
  ["l", (m) => m.push(m.above())], // LIST
  ["a", (m) => append(m, [m.pop()])], // APPEND
  ["e", (m) => append(m, m.above())], // APPENDS
  ["}", (m) => m.push(new Map())], // EMPTY_DICT
  ["d", (m) => m.push(new Map(pairs(m, m.above())))], // DICT
  ["s", (m) => { // SETITEM
    const value = m.pop();
    setItems(m, [m.pop(), value]);
  }],
  ["u", (m) => setItems(m, m.above())], // SETITEMS
  ["\x8f", (m) => m.push(inert("a set"))], // EMPTY_SET
  ["\x90", (m) => append(m, m.above())], // ADDITEMS
  ["\x91", (m) => { // FROZENSET
    m.above();
    m.push(inert("a frozenset"));
  }],
  ["q", (m) => void m.memo.set(u8(m), m.top())], // BINPUT
  ["r", (m) => void m.memo.set(u32(m), m.top())], // LONG_BINPUT
  ["\x94", (m) => void m.memo.set(m.memo.size, m.top())], // MEMOIZE
  ["h", (m) => m.push(remembered(m, u8(m)))], // BINGET
  ["j", (m) => m.push(remembered(m, u32(m)))], // LONG_BINGET
  ["c", (m) => { // GLOBAL
    const module = m.line();
    m.push(lookUp(module, m.line()));
  }],
  ["\x93", (m) => { // STACK_GLOBAL
    const name = m.pop(), module = m.pop();
    if (typeof name !== "string" || typeof module !== "string" || name.length + module.length > LONGEST_NAME) {
      throw m.fail(`names ${describe(name)} of ${describe(module)}, expected short texts`);
    }
    m.push(lookUp(module, name));
  }],
  ["Q", (m) => { // BINPERSID
    const value = storageOf(m.pop(), m.fail);
    if (isKind(value, "storage")) m.storages.push(value);
    m.push(value);
  }],
  ["R", reduce],
  ["\x81", reduce], // NEWOBJ
  ["\x92", (m) => { // NEWOBJ_EX, with arguments by name: nothing that is known has any
    m.pop();
    reduce(m);
  }],
  ["b", (m) => { // BUILD, from attributes: what tensors need has none, and the others stay as they are
    m.pop();
    m.top();
  }],
]);

function raw(m: Machine, length: number): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset } = m.take(length);
  return new Uint8Array(buffer, byteOffset, length);
}

/** Reads a whole number of `length` bytes, two's complement. */
function whole(m: Machine, length: number): number | bigint {
  if (length > LONGEST_NUMBER) throw m.fail(`has a number of ${length} bytes, expected at most ${LONGEST_NUMBER}`);
  const bytes = raw(m, length);
  let value = 0n;
  for (let i = length - 1; i >= 0; i--) value = value << 8n | BigInt(bytes[i]);
  value = BigInt.asIntN(8 * length, value);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function pairs(m: Machine, items: readonly Value[]): [Value, Value][] {
  if (items.length % 2) throw m.fail("gives a key without a value");
  return Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i], items[2 * i + 1]]);
}

/** Puts items into a list. What is put into something that is not known is lost: nothing here looks for it. */
function append(m: Machine, items: readonly Value[]): void {
  const list = m.top();
  if (isKind(list, "inert")) return;
  if (!Array.isArray(list)) throw m.fail(`appends to ${describe(list)}, expected a list`);
  for (const item of items) list.push(item);
}

function setItems(m: Machine, items: readonly Value[]): void {
  const map = m.top(), given = pairs(m, items);
  if (isKind(map, "inert")) return;
  if (!(map instanceof Map)) throw m.fail(`puts values into ${describe(map)}, expected a dictionary`);
  for (const [key, value] of given) map.set(key, value);
}

function remembered(m: Machine, index: number): Value {
  const value = m.memo.get(index);
  if (value === undefined) throw m.fail(`asks for object ${index}, which has not been stored`);
  return value;
}

/**
 * Reads the pickle at byte `at` of a window: the instructions of protocols 2 to 5 that `torch.save` writes. Nothing is
 * executed: names stand for what `globals.ts` lists, or for nothing. Throws a {@linkcode Short} where the window is too
 * small. https://docs.python.org/3/library/pickletools.html
 */
export function readPickle(window: Window, at: number): Unpickled {
  const m = machine(window, at);
  for (;;) {
    m.begin();
    const code = u8(m);
    if (code === STOP) return { value: m.pop(), end: m.at(), storages: m.storages };
    const instruction = instructions.get(String.fromCharCode(code));
    if (!instruction) {
      const shown = `0x${code.toString(16).padStart(2, "0")}`;
      throw m.fail(`has the instruction ${shown}, expected one that torch.save writes`);
    }
    instruction(m);
  }
}

/** A machine with nothing in it. */
function machine({ bytes, base, limit, fail }: Window, start: number) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const stack: Value[] = [], marks: number[] = [], storages: Storage[] = [];
  let at = start, instruction = start;
  const problem: Fail = (text) => fail(base + instruction, text);
  const expectStack = () => {
    if (stack.length <= (marks.at(-1) ?? 0)) throw problem("takes from an empty stack");
  };
  const expectRoom = (count: number) => {
    if (base + at + count > limit) {
      throw problem(`begins an instruction of ${at - instruction + count} bytes, which goes on after byte ${limit}`);
    }
    if (at + count > bytes.length) throw new Short(at + count);
  };
  const take = (count: number) => {
    expectRoom(count);
    at += count;
    return new DataView(view.buffer, view.byteOffset + at - count, count);
  };
  const text = (count: number) => decoder.decode(take(count));
  return {
    stack,
    marks,
    storages,
    memo: new Map<number, Value>(),
    fail: problem,
    at: () => at,
    begin: () => void (instruction = at),
    push: (value: Value) => void stack.push(value),
    pop: () => (expectStack(), stack.pop()!),
    top: () => (expectStack(), stack.at(-1)!),
    above() {
      const mark = marks.pop();
      if (mark === undefined) throw problem("takes what follows a mark, and there is none");
      return stack.splice(mark);
    },
    take,
    text,
    line() {
      const end = bytes.indexOf(10, at), length = end < 0 ? bytes.length - at : end - at;
      if (length > LONGEST_NAME) throw problem(`has a name of ${length} characters, expected at most ${LONGEST_NAME}`);
      if (end < 0) expectRoom(length + 1);
      const line = text(length);
      at++;
      return line;
    },
  };
}
