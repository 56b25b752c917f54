/** How weights are stored: numbers of 32 bits, or of 16, two to a word. */
export type Stored = "f32" | "f16";

/** Four numbers that are next to each other in `w`, bound as {@linkcode quadElement}: `quad_at(i)` is the i-th four. */
export function quadAt(stored: Stored): string {
  return stored === "f32"
    ? "fn quad_at(i: u32) -> vec4f { return w[i]; }"
    : "fn quad_at(i: u32) -> vec4f { return vec4f(unpack2x16float(w[i].x), unpack2x16float(w[i].y)); }";
}

/** A single number of `w`, bound as {@linkcode wordElement}. */
export function numberAt(stored: Stored): string {
  return stored === "f32" ? "fn number_at(i: u32) -> f32 { return w[i]; }" : `fn number_at(i: u32) -> f32 {
  let pair = unpack2x16float(w[i / 2]);
  return select(pair.x, pair.y, i % 2 == 1);
}`;
}

/** What four numbers are bound as. */
export const quadElement = { f32: "vec4f", f16: "vec2u" } as const;
/** What single numbers are bound as; a word holds two halves. */
export const wordElement = { f32: "f32", f16: "u32" } as const;

/**
 * `half_bits(v)`: a half's bits, rounded to the nearest, ties to even; how pack2x16float rounds is left open by
 * https://www.w3.org/TR/WGSL/#floating-point-conversion.
 */
export const halfBits = `
fn half_bits(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  let sign = (bits >> 16) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
  if (magnitude >= 0x47800000u) { return sign | 0x7c00u; }
  if (magnitude >= 0x38800000u) {
    return sign | (((magnitude + 0xfffu + ((magnitude >> 13) & 1u)) >> 13) - (112u << 10));
  }
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴.
  if (magnitude <= 0x33000000u) { return sign; }
  let shift = 126u - (magnitude >> 23);
  let digits = (magnitude & 0x7fffffu) | 0x800000u;
  return sign | ((digits + (1u << (shift - 1u)) - 1u + ((digits >> shift) & 1u)) >> shift);
}
`;

/** `stored_quad(v)`: four numbers as they are stored. */
export function storedQuad(stored: Stored): string {
  return stored === "f32" ? "fn stored_quad(v: vec4f) -> vec4f { return v; }" : `${halfBits}
fn stored_quad(v: vec4f) -> vec2u {
  return vec2u(half_bits(v.x) | (half_bits(v.y) << 16u), half_bits(v.z) | (half_bits(v.w) << 16u));
}`;
}
