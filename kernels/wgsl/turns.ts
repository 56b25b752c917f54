/**
 * WGSL of `sin_cos_turn(high, low)`: sine and cosine of an angle that is a fraction of a turn, `(high · 2³² + low) / 2⁶⁴`,
 * to about 1e-7, and of `times_fraction(n, high, low)`: such a fraction n times, modulo a turn, exact for every n.
 *
 * The nearest quarter of a turn goes by signs and swaps; what remains is within ±π/4, where the power series of sine to
 * x⁹ and of cosine to x¹⁰ are good to 2e-9.
 */
export const turns = `
fn times_fraction(n: u32, high: u32, low: u32) -> vec2u {
  let n0 = n & 0xffffu; let n1 = n >> 16u; let l0 = low & 0xffffu; let l1 = low >> 16u;
  let middle = n1 * l0 + ((n0 * l0) >> 16u);
  let rest = n0 * l1 + (middle & 0xffffu);
  let carried = n1 * l1 + (middle >> 16u) + (rest >> 16u);
  return vec2u(n * high + carried, n * low);
}

fn sin_cos_turn(high: u32, low: u32) -> vec2f {
  let quarter = (high + 0x20000000u) >> 30u;
  let remaining = bitcast<i32>(high - (quarter << 30u));
  let x = (f32(remaining) + f32(low) * 0x1p-32) * (6.283185307179586 * 0x1p-32);
  let y = x * x;
  let s = x + x * y * (-1.0 / 6.0 + y * (1.0 / 120.0 + y * (-1.0 / 5040.0 + y * (1.0 / 362880.0))));
  let c = 1.0 + y * (-0.5 + y * (1.0 / 24.0 + y * (-1.0 / 720.0 + y * (1.0 / 40320.0 + y * (-1.0 / 3628800.0)))));
  let swapped = select(vec2f(s, c), vec2f(c, -s), (quarter & 1u) == 1u);
  return select(swapped, -swapped, (quarter & 2u) == 2u);
}
`;
