/** Everything that is measured. */
import { type Case, weightsOf } from "./cases.ts";
import type { Start } from "./protocol.ts";

/** Something that computes cases. */
export interface Implementation {
  /** Names it on the command line of a child. */
  readonly id: string;
  /** Heads its column. */
  readonly label: string;
  /** Tenon itself, another form of it, something that it is compared with, something without WebAssembly, or the machine. */
  readonly role: "tenon" | "variant" | "peer" | "native" | "ceiling";
  /** Whether it computes a case. */
  takes(c: Case): boolean;
  /** Imports its runner. Only its child does, so that no implementation disturbs another. */
  load(): Promise<{ readonly start: Start }>;
}

const products = (c: Case) => c.kind === "product";
const models = (c: Case) => c.kind === "prefill" || c.kind === "decode";
const full = (c: Case) => weightsOf(c) === "f32";

/** In the order of columns, and of even rounds. */
export const implementations: readonly Implementation[] = [
  {
    id: "tenon",
    label: "Tenon",
    role: "tenon",
    takes: () => true,
    load: () => import("./tenon.ts"),
  },
  {
    id: "tenon-packing",
    label: "Tenon, packing counted",
    role: "variant",
    takes: (c) => c.kind === "product" && c.m > 1 && full(c),
    load: async () => ({ start: (await import("./tenon.ts")).startPacking }),
  },
  {
    id: "ort",
    label: "onnxruntime-web",
    role: "peer",
    takes: () => true,
    load: () => import("./ort.ts"),
  },
  {
    id: "ort-gqa",
    label: "onnxruntime-web, GroupQueryAttention",
    role: "peer",
    // Of the largest model there is memory and time for the faster one alone.
    takes: (c) => models(c) && !c.name.startsWith("1B"),
    load: async () => ({ start: (await import("./ort.ts")).startGrouped }),
  },
  {
    id: "tfjs",
    label: "tfjs-wasm",
    role: "peer",
    takes: (c) => products(c) && full(c),
    load: () => import("./tfjs.ts"),
  },
  {
    id: "jax",
    label: "jax-js",
    role: "peer",
    takes: (c) => products(c) && full(c),
    load: () => import("./jax.ts"),
  },
  { id: "wllama", label: "wllama", role: "peer", takes: models, load: () => import("./wllama.ts") },
  { id: "llama.cpp", label: "llama.cpp, native", role: "native", takes: models, load: () => import("./llama_cpp.ts") },
  {
    id: "ceiling",
    label: "ceiling",
    role: "ceiling",
    takes: () => true,
    load: () => import("./ceiling.ts"),
  },
];
