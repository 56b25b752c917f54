/** Everyone that trains. */
import { denoProgram, type Program } from "../peers/process.ts";
import type { Start } from "./protocol.ts";
import type { sizes } from "./sizes.ts";

/** Something that trains, in a process of its own. */
export interface Participant {
  /** Names it on command lines. */
  readonly id: string;
  /** For people. */
  readonly label: string;
  /** Sizes that it is measured with unless it is asked for. */
  readonly sizes: readonly (keyof typeof sizes)[];
  /** Imports its trainer, in its child only; absent where that is no script for Deno. */
  load?(): Promise<{ readonly start: Start }>;
}

/** In the order of rows, and of even rounds. */
export const participants: readonly Participant[] = [
  { id: "tenon", label: "Tenon", sizes: ["small", "large"], load: () => import("./tenon.ts") },
  { id: "pytorch", label: "PyTorch", sizes: ["small", "large"] },
  { id: "jax", label: "jax-js", sizes: ["small"], load: () => import("./jax.ts") },
  { id: "tfjs", label: "tfjs-wasm", sizes: ["small"], load: () => import("./tfjs.ts") },
  {
    id: "tfjs-own",
    label: "tfjs-wasm, own gradients",
    sizes: ["small"],
    load: async () => ({ start: (await import("./tfjs.ts")).startWithOwnGradients }),
  },
];

/** What a participant's child runs. */
export function programOf({ id, load }: Participant, threads: number, python: string): Program {
  if (load) return denoProgram(new URL("./child.ts", import.meta.url), id, `${threads}`);
  const script = new URL("./pytorch.py", import.meta.url).pathname;
  return { command: python, args: [decodeURIComponent(script), `${threads}`] };
}
