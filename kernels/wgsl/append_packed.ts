import { halfBits } from "./half.ts";
import type { Packed } from "./kept.ts";
import { type Shader, shader } from "./shader.ts";

/** Tensors of {@linkcode appendPackedShaders}. */
type Tensors = "keys" | "values" | "keyScales" | "valueScales" | "x" | "y";
/** Their arguments. */
type Args =
  | "panels"
  | "firstPanel"
  | "start"
  | "time"
  | "heads"
  | "headDim"
  | "channelGroups"
  | "keyPanels"
  | "valueBlocks";

/** `stored(bits, factor)`: what is kept of a number, in the lowest bits of a word. */
const stored: Readonly<Record<Packed, string>> = {
  f16: `${halfBits}
fn stored(bits: u32, factor: f32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  // No infinities: beyond the largest half it is that.
  let most = select(min(magnitude, 0x477fe000u), magnitude, magnitude > 0x7f800000u);
  return half_bits(bitcast<f32>((bits & 0x80000000u) | most));
}`,
  q8_0: `
fn stored(bits: u32, factor: f32) -> u32 {
  if ((bits & 0x7fffffffu) >= 0x7f800000u) { return 0u; }
  return bitcast<u32>(i32(clamp(round(bitcast<f32>(bits) * factor), -127.0, 127.0))) & 0xffu;
}`,
};

/**
 * `scale_of(most)` and `inverse_of(d)`: the bits of `most / 127` and of `1 / d`, rounded to the nearest (there are no ties),
 * in integers, as a quotient may be off by 2.5 units in the last place:
 * https://www.w3.org/TR/WGSL/#floating-point-accuracy. Below 2⁻¹¹⁹ a scale is 0. Infinity and NaN are scales of
 * themselves, and have no inverse but 0.
 */
const scales = `
fn scale_of(most: u32) -> u32 {
  var exponent = most >> 23u;
  if (exponent == 255u) { return most; }
  if (exponent < 8u) { return 0u; }
  // 24 binary digits of the quotient.
  var digits = ((most & 0x7fffffu) | 0x800000u) << 6u;
  exponent -= 6u;
  if (digits / 127u < 0x800000u) { digits <<= 1u; exponent -= 1u; }
  return (exponent << 23u) + (digits + 63u) / 127u - 0x800000u;
}

fn inverse_of(d: u32) -> u32 {
  let exponent = d >> 23u; let digits = (d & 0x7fffffu) | 0x800000u;
  if (exponent == 0u || exponent == 255u) { return 0u; }
  if (digits == 0x800000u) { return (254u - exponent) << 23u; }
  var rest = 0x800000u; var quotient = 0u;
  for (var i = 0u; i < 24u; i++) {
    rest <<= 1u; quotient <<= 1u;
    if (rest >= digits) { rest -= digits; quotient += 1u; }
  }
  if (2u * rest > digits) { quotient += 1u; }
  return ((253u - exponent) << 23u) + quotient - 0x800000u;
}
`;

/** See {@linkcode appendPackedShaders}. */
function appendPackedShader(kept: Packed): Shader<Tensors, Args> {
  const scaled = kept === "q8_0", perWord = scaled ? 4 : 2, bits = 32 / perWord;
  return shader({
    name: `append_${kept}`,
    tensors: { keys: "u32", values: "u32", keyScales: "u32", valueScales: "u32", x: "u32", y: "u32" },
    optional: ["keyScales", "valueScales"],
    args: {
      panels: "u32",
      firstPanel: "u32",
      start: "u32",
      time: "u32",
      heads: "u32",
      headDim: "u32",
      channelGroups: "u32",
      keyPanels: "u32",
      valueBlocks: "u32",
    },
    workgroup: 256,
    code: `
// [position of the panel][32 channels, and one for other banks]: a number of x and one of y.
var<workgroup> numbers: array<vec2u, 264>;
var<workgroup> factors: array<array<f32, 2>, 8>;
${stored[kept]}
${scaled ? scales : ""}
// How far after 'start' the position is that a slot gets, if that is below 'time'.
fn offset_of(slot: u32) -> u32 {
  let slots = 8u * args.keyPanels;
  return (slot + slots - args.start % slots) % slots;
}

fn main(group: u32, lane: u32) {
  let channel = group % args.channelGroups * 32u; let unit = group / args.channelGroups / args.panels;
  let panel = (args.firstPanel + group / args.channelGroups % args.panels) % args.keyPanels;
  let channels = (args.headDim + 7u) / 8u * 8u;
  {
    let offset = offset_of(8u * panel + lane / 32u); let own = channel + lane % 32u;
    var both = vec2u();
    if (offset < args.time && own < args.headDim) {
      let row = (unit / args.heads * args.time + offset) * args.heads + unit % args.heads;
      both = vec2u(x[row * args.headDim + own], y[row * args.headDim + own]);
    }
    numbers[33u * (lane / 32u) + lane % 32u] = both;
  }
  workgroupBarrier();
  ${
      scaled
        ? `if (lane < 16u) {
    let p = lane / 2u; let slot = 8u * panel + p;
    // As integers: NaN is more than infinity.
    var most = 0u;
    for (var i = 0u; i < 32u; i++) { most = max(most, numbers[33u * p + i][lane % 2u] & 0x7fffffffu); }
    let d = scale_of(most);
    factors[p][lane % 2u] = bitcast<f32>(inverse_of(d));
    if (offset_of(slot) < args.time) {
      let keyAt = ((unit * args.keyPanels + panel) * args.channelGroups + channel / 32u) * 8u + p;
      let block = (unit * args.valueBlocks + slot / 64u) * args.channelGroups + channel / 32u;
      if (lane % 2u == 0u) { keyScales[keyAt] = d; } else { valueScales[block * 64u + slot % 64u] = d; }
    }
  }
  workgroupBarrier();`
        : ""
    }
  let item = lane % ${256 / perWord}u;
  if (lane < ${256 / perWord}u) {
    let i = item / ${8 / perWord}u; let word = item % ${8 / perWord}u;
    if (channel + i >= args.headDim) { return; }
    var kept = 0u; var mask = 0u;
    for (var j = 0u; j < ${perWord}u; j++) {
      let p = ${perWord}u * word + j;
      if (offset_of(8u * panel + p) < args.time) {
        kept |= stored(numbers[33u * p + i].x, factors[p][0]) << (${bits}u * j);
        mask |= ${2 ** bits - 1}u << (${bits}u * j);
      }
    }
    let at = ((unit * args.keyPanels + panel) * args.headDim + channel + i) * ${8 / perWord}u + word;
    // Other positions of a word were there before.
    if (mask != 0u) { keys[at] = (keys[at] & ~mask) | kept; }
  } else if (lane < ${512 / perWord}u) {
    let p = item / ${32 / perWord}u; let first = item % ${32 / perWord}u * ${perWord}u; let slot = 8u * panel + p;
    if (offset_of(slot) >= args.time || channel + first >= channels) { return; }
    var kept = 0u;
    for (var j = 0u; j < ${perWord}u; j++) {
      kept |= stored(numbers[33u * p + first + j].y, factors[p][1]) << (${bits}u * j);
    }
    let block = unit * args.valueBlocks + slot / 64u;
    let at = (block * channels + (channel + first) / 8u * 8u) * ${64 / perWord}u;
    values[at + slot % 64u * ${8 / perWord}u + first % 8u / ${perWord}u] = kept;
  }
}`,
  });
}

/**
 * Copies `x` and `y` `[batch, time, heads, headDim]` to positions `start …` of a cache of `heads` heads, as append.ts does,
 * in f16 or in bytes, whose scale is `d = max|x| / 127` of 32 channels, and they `x · (1/d)`, rounded to the nearest,
 * halves to the even one. A workgroup owns 32 channels of a panel of 8 slots of a head, a lane a word, some of whose
 * positions may stay as they are; a panel of a ring may get positions at its end, and the first ones of the next turn.
 */
export const appendPackedShaders: Readonly<Record<Packed, Shader<Tensors, Args>>> = {
  f16: appendPackedShader("f16"),
  q8_0: appendPackedShader("q8_0"),
};
