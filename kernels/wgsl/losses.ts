import { rowOfLane } from "./norms.ts";
import { shader } from "./shader.ts";
import { rowShader, summary } from "./softmax.ts";

const args = { rows: "u32", dim: "u32", smoothing: "f32", zLoss: "f32" } as const;

/**
 * `out[r] = (1 − s) (lse − x[target]) + s (lse − mean x) + z lse²`, 0 for a negative target: `WIDTH` lanes for each row.
 * `ln Σ e^(x − top)` is kept apart from `top`, so that large logits do not cost digits.
 */
export const crossEntropyShader = shader({
  ...rowShader,
  name: "cross_entropy",
  tensors: { out: "f32", x: "f32", targets: "i32" },
  args,
  code: `${summary}
fn main(group: u32, lane: u32) {${rowOfLane}
  let p = summary_of(at, dim, place, lane);
  if (place != 0u || row >= args.rows) { return; }
  let wanted = targets[row];
  if (wanted < 0) { out[row] = 0.0; return; }
  let rest = log(p.sum); let lse = p.top + rest;
  var loss = (1.0 - args.smoothing) * (rest + (p.top - x[at + u32(wanted)]));
  if (args.smoothing != 0.0) { loss += args.smoothing * (rest + (p.top - p.total / f32(args.dim))); }
  out[row] = loss + args.zLoss * lse * lse;
}`,
});

/**
 * `dx[r] += g[r] · ((1 + 2 z lse) softmax(x[r]) − (1 − s) onehot(target) − s / vocab)`, `=` where dx is `EMPTY`; rows with a
 * negative target are left alone, or zeros.
 */
export const crossEntropyGradShader = shader({
  ...rowShader,
  name: "cross_entropy_grad",
  tensors: { dx: "f32", g: "f32", x: "f32", targets: "i32" },
  args,
  constants: ["WIDTH", "EMPTY"],
  code: `${summary}
fn main(group: u32, lane: u32) {${rowOfLane}
  let p = summary_of(at, dim, place, lane);
  if (row >= args.rows) { return; }
  let wanted = targets[row]; let slope = g[row];
  if (wanted < 0) {
    if (EMPTY) { for (var i = place; i < dim; i += WIDTH) { dx[at + i] = 0.0; } }
    return;
  }
  let factor = (1.0 + 2.0 * args.zLoss * (p.top + log(p.sum))) / p.sum; let spread = args.smoothing / f32(args.dim);
  for (var i = place; i < dim; i += WIDTH) {
    let share = spread + select(0.0, 1.0 - args.smoothing, i == u32(wanted));
    let d = slope * (factor * exp(x[at + i] - p.top) - share);
    if (EMPTY) { dx[at + i] = d; } else { dx[at + i] += d; }
  }
}`,
});
