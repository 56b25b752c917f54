/**
 * How caches keep keys and values: in f32, in f16, or as bytes of which 32 channels of a position share a scale. What is
 * four numbers in f32 (of keys four positions, of values four channels) is two words in f16, and one of bytes.
 */
export type Kept = "f32" | "f16" | "q8_0";

/** Those that must be unpacked. */
export type Packed = Exclude<Kept, "f32">;

/** What four numbers are bound as. */
export const keptElement = { f32: "vec4f", f16: "vec2u", q8_0: "u32" } as const;

/** `four_of(element)`: four numbers as they were kept, bytes without their scale. */
export const fourOf: Readonly<Record<Kept, string>> = {
  f32: "",
  f16: "fn four_of(v: vec2u) -> vec4f { return vec4f(unpack2x16float(v.x), unpack2x16float(v.y)); }",
  q8_0: `fn four_of(v: u32) -> vec4f {
  return vec4f(bitcast<vec4i>(vec4u(v << 24u, v << 16u, v << 8u, v)) >> vec4u(24u));
}`,
};

/** WGSL: four numbers of `element`, bytes times `scale`. */
export function four(kept: Kept, element: string, scale: string): string {
  return kept === "f32" ? element : `four_of(${element})${kept === "q8_0" ? ` * ${scale}` : ""}`;
}

/** `number_at(i)`: number `i` of `keys`, which are bound as words, bytes without their scale. */
export const numberOfKeys: Readonly<Record<Kept, string>> = {
  f32: "fn number_at(i: u32) -> f32 { return keys[i]; }",
  f16: `fn number_at(i: u32) -> f32 {
  let pair = unpack2x16float(keys[i / 2u]);
  return select(pair.x, pair.y, i % 2u == 1u);
}`,
  q8_0: "fn number_at(i: u32) -> f32 { return f32(bitcast<i32>(keys[i / 4u] << (24u - 8u * (i % 4u))) >> 24u); }",
};
