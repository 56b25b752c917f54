import type { Stored } from "./half.ts";
import { quadAt, quadElement } from "./half.ts";

/** Weights in blocks of small integers, as in kernels/assembly/blocks.ts. */
export type Blocks = "q8_0" | "q4_0";

/** How weights in panels are stored. */
export type InPanels = Stored | Blocks;

/** All of them. */
export const inPanels: readonly InPanels[] = ["f32", "f16", "q8_0", "q4_0"];

/** What the numbers of panels are bound as, see {@linkcode panelQuad}. */
export const panelElement = { ...quadElement, q8_0: "vec4u", q4_0: "vec4u" } as const;

/** Vectors of a block of eight columns, those of its scales included, which are the last two. */
export const blockVectors: Readonly<Record<Blocks, number>> = { q8_0: 18, q4_0: 10 };

/**
 * WGSL: the vector of four k from `4 · group` on of the four columns of half `half`, in the block whose first vector is
 * number `block`.
 */
export const vectorAt: Readonly<Record<Blocks, (block: string, group: string, half: string) => string>> = {
  q8_0: (block, group, half) => `w[${block} + 2 * (${group}) + ${half}]`,
  q4_0: (block, group) => `w[${block} + ${group}]`,
};

/** `codes(v, at, half)`: the integers of the four columns of half `half` at k `at` of the four of vector `v`. */
export function codes(type: Blocks): string {
  return type === "q8_0"
    ? `fn codes(v: vec4u, at: u32, half: u32) -> vec4f {
  return vec4f(bitcast<vec4i>(v << vec4u(24 - 8 * at)) >> vec4u(24));
}`
    : `fn codes(v: vec4u, at: u32, half: u32) -> vec4f {
  return vec4f((v >> vec4u(8 * at + 4 * half)) & vec4u(15)) - 8.0;
}`;
}

/**
 * `panel_quad(panel, at, half, depth)`: four columns of `w`, bound as {@linkcode panelElement}: k `at` of half `half` of a
 * panel that is `depth` deep.
 */
export function panelQuad(stored: InPanels): string {
  if (stored === "f32" || stored === "f16") {
    return `${quadAt(stored)}
fn panel_quad(panel: u32, at: u32, half: u32, depth: u32) -> vec4f { return quad_at((panel * depth + at) * 2 + half); }`;
  }
  const size = blockVectors[stored];
  return `${codes(stored)}
fn panel_quad(panel: u32, at: u32, half: u32, depth: u32) -> vec4f {
  let block = (panel * ((depth + 31) / 32) + at / 32) * ${size};
  let scales = bitcast<vec4f>(w[block + ${size - 2} + half]);
  return codes(${vectorAt[stored]("block", "at % 32 / 4", "half")}, at % 4, half) * scales;
}`;
}

/** Something for each way to store panels. */
export function eachInPanels<S>(make: (stored: InPanels) => S): Readonly<Record<InPanels, S>> {
  return { f32: make("f32"), f16: make("f16"), q8_0: make("q8_0"), q4_0: make("q4_0") };
}
