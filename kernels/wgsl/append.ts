import { shader } from "./shader.ts";

/**
 * Copies `x` and `y` `[batch, time, heads · group, headDim]` to the layouts of a cache of `heads` heads, positions
 * `start …` of time · group each: `keys[unit, position/8, channel, position%8] = x`,
 * `values[unit, position/64, channel/8, position%64, channel%8] = y`, filled up with zeros to whole panels of channels (of a ring, panels and blocks modulo what there are),
 * where unit is `keyUnit` or `valueUnit` + batch · heads + head and position `start + t · group + g`. Keys and values have
 * group 1; queries, whose gradient is laid out like this, too, have as many heads as share a key.
 *
 * A lane writes one of each, in the order in which they lie in memory.
 */
export const appendShader = shader({
  name: "append",
  tensors: { keys: "f32", values: "f32", x: "f32", y: "f32" },
  args: {
    count: "u32",
    panels: "u32",
    start: "u32",
    rows: "u32",
    group: "u32",
    heads: "u32",
    headDim: "u32",
    channels: "u32",
    keyPanels: "u32",
    valueBlocks: "u32",
    keyUnit: "u32",
    valueUnit: "u32",
  },
  workgroup: 256,
  code: `
// Where the row of a position begins in x and y.
fn source(unit: u32, position: u32) -> u32 {
  let r = position - args.start; let time = args.rows / args.group;
  let row = (unit / args.heads * time + r / args.group) * args.heads + unit % args.heads;
  return (row * args.group + r % args.group) * args.headDim;
}

fn inside(position: u32) -> bool {
  return position >= args.start && position < args.start + args.rows;
}

fn main(group: u32, lane: u32) {
  let i = group * WORKGROUP + lane;
  if (i >= args.count) { return; }
  let panel = i / (8 * args.channels) % args.panels + args.start / 8;
  let unit = i / (8 * args.channels) / args.panels;
  let key = 8 * panel + i % 8; let channel = i / 8 % args.channels;
  if (inside(key) && channel < args.headDim) {
    let at = ((args.keyUnit + unit) * args.keyPanels + panel % args.keyPanels) * args.headDim + channel;
    keys[8 * at + i % 8] = x[source(unit, key) + channel];
  }
  let value = 8 * panel + i / 8 % 8; let columns = i / 64 % (args.channels / 8); let column = 8 * columns + i % 8;
  if (inside(value)) {
    let block = (args.valueUnit + unit) * args.valueBlocks + value / 64 % args.valueBlocks;
    let at = (block * (args.channels / 8) + columns) * 64 + value % 64;
    var filled = 0.0;
    if (column < args.headDim) { filled = y[source(unit, value) + column]; }
    values[8 * at + i % 8] = filled;
  }
}`,
});
