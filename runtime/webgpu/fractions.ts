/** 1 / 2π · 2¹⁹². */
const INVERSE_TURN = 0x28be60db9391054a7f09d5f47d4d377036d8a5664f10e410n;
const words = new DataView(new ArrayBuffer(8));

/**
 * `frequency / 2π` modulo 1 as a fraction of 2⁶⁴, rounded to the nearest: the high word and the low one. All 53 bits of
 * `frequency` count.
 */
export function fractionOfTurn(frequency: number): [high: number, low: number] {
  words.setFloat64(0, frequency);
  const bits = words.getBigUint64(0), exponent = bits >> 52n & 0x7ffn, fraction = bits & (1n << 52n) - 1n;
  const mantissa = exponent ? fraction | 1n << 52n : fraction, shift = 192n - 64n + 1075n - (exponent || 1n);
  const product = mantissa * INVERSE_TURN;
  const rounded = shift > 0n ? (product >> shift - 1n) + 1n >> 1n : product << -shift;
  const turn = BigInt.asUintN(64, frequency < 0 ? -rounded : rounded);
  return [Number(turn >> 32n), Number(turn & 0xffffffffn)];
}
