import type { AttentionDropout, Kernels, KeyValueCache } from "./kernels.ts";
import { newKeyValueCache } from "./key_value_cache.ts";
import { gatedKernels, type GatedOps, type Ops, unaryKernels, type UnaryOps } from "./ops.ts";
import type { RouteOps } from "./route.ts";
import type { Tape } from "./tape.ts";
import { describeTensor, isBlocks, type Tensor } from "./tensor.ts";

/** What recording needs of a runtime. */
export interface RecordingHost {
  /** The tape being recorded, if any. */
  readonly tape: Tape | undefined;
  /** Added to the options of attention. */
  readonly attentionDropout: AttentionDropout | undefined;
  /** What computes gradients. */
  readonly kernels: Kernels;
  /** A scratch tensor. */
  temp(shape: readonly number[]): Tensor;
  /** Ids or targets in scratch memory, checked; of a tensor its type alone. */
  indices(op: string, values: ArrayLike<number> | Tensor, limit: number, least?: number): Tensor;
}

/** `ops`, each of which also tells the runtime's tape how to go back. Without a tape that is one comparison more. */
export function recordedOps(ops: Omit<Ops, keyof RouteOps>, rt: RecordingHost): Omit<Ops, keyof RouteOps> {
  const { kernels } = rt;
  const unary = Object.fromEntries(unaryKernels.map((name) => [name, (x: Tensor) => {
    const out = ops[name](x), { tape } = rt;
    tape?.record(out, [x], (g) => kernels.unaryGrad(name, tape.sum(x)!, g, x));
    return out;
  }])) as unknown as UnaryOps;
  const gated = Object.fromEntries(gatedKernels.map((name) => [name, (gate: Tensor, up: Tensor) => {
    const out = ops[name](gate, up), { tape } = rt;
    tape?.record(
      out,
      [gate, up],
      (g) => kernels.gatedGrad(name, tape.sum(gate), tape.sum(up), g, gate, up),
    );
    return out;
  }])) as unknown as GatedOps;

  /** Adds `factor · g` to the gradient of `t`, which may have been repeated. */
  function addTo(tape: Tape, t: Tensor, g: Tensor, factor = 1): void {
    const alike = String(t.shape) === String(g.shape), d = alike ? tape.sum(t) : tape.gradient(t);
    if (!d) return;
    if (alike) kernels.addScaled(d, g, factor);
    else kernels.sumRows(d, g);
  }

  const norm = (x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined, eps: number, centered: boolean) => {
    const out = centered ? ops.layerNorm(x, weight, bias, eps) : ops.rmsNorm(x, weight, eps), { tape } = rt;
    tape?.record(out, [x, weight, bias], (g) => {
      const dx = tape.sum(x), dweight = tape.gradient(weight);
      if (dx || dweight) kernels.normGrad(dx, dweight, g, x, weight, eps, centered);
      const dbias = tape.gradient(bias);
      if (dbias) kernels.sumRows(dbias, g);
    });
    return out;
  };

  return {
    ...ops,
    ...unary,
    ...gated,
    matmul(x, w, bias) {
      const { tape } = rt;
      if (tape && isBlocks(w.dtype) && (tape.tracks(x) || tape.tracks(w))) {
        throw new TypeError(`Cannot compute gradients through ${describeTensor(w)}, expected weights in f32`);
      }
      const out = ops.matmul(x, w, bias);
      tape?.record(out, [x, w, bias], (g) => {
        const dx = tape.sum(x), dw = tape.sum(w), dbias = tape.gradient(bias);
        if (dx) kernels.matmulGradX(dx, g, w);
        if (dw) kernels.matmulGradW(dw, g, x);
        if (dbias) kernels.sumRows(dbias, g);
      });
      return out;
    },
    embed(table, ids, shape) {
      const out = ops.embed(table, ids, shape), { tape } = rt;
      if (tape?.tracks(table)) {
        const indices = rt.indices("embed", ids, table.shape[0]);
        tape.record(out, [table], (g) => kernels.gatherGrad(tape.gradient(table)!, g, indices));
      }
      return out;
    },
    layerNorm: (x, weight, bias, eps) => norm(x, weight, bias, eps, true),
    rmsNorm: (x, weight, eps) => norm(x, weight, undefined, eps, false),
    softmax(x) {
      const out = ops.softmax(x), { tape } = rt;
      tape?.record(out, [x], (g) => kernels.softmaxGrad(tape.gradient(x)!, g, out));
      return out;
    },
    topSoftmax(x, count) {
      // Where the softmax is 0, so is its gradient: no matter why.
      const out = ops.topSoftmax(x, count), { tape } = rt;
      tape?.record(out, [x], (g) => kernels.softmaxGrad(tape.gradient(x)!, g, out));
      return out;
    },
    logSoftmaxAt(logits, targets) {
      const out = ops.logSoftmaxAt(logits, targets), { tape } = rt;
      if (tape?.tracks(logits)) {
        const indices = rt.indices("logSoftmaxAt", targets, logits.shape.at(-1)!);
        tape.record(out, [logits], (g) => kernels.logSoftmaxAtGrad(tape.gradient(logits)!, g, logits, indices));
      }
      return out;
    },
    crossEntropy(logits, targets, options = {}) {
      const out = ops.crossEntropy(logits, targets, options), { tape } = rt, { smoothing = 0, zLoss = 0 } = options;
      if (tape?.tracks(logits)) {
        const indices = rt.indices("crossEntropy", targets, logits.shape.at(-1)!, -1);
        tape.record(out, [logits], (g) => {
          kernels.crossEntropyGrad(tape.sum(logits)!, g, logits, indices, { smoothing, zLoss });
        });
      }
      return out;
    },
    rotate(x, table, start, layout) {
      const out = ops.rotate(x, table, start, layout), { tape } = rt;
      tape?.record(out, [x], (g) => kernels.rotateGrad(tape.sum(x)!, g, table, start, layout));
      return out;
    },
    attention(q, k, v, given, cache) {
      // Without a tape, too: blocks that are run again first run without one.
      const options = rt.attentionDropout ? { ...given, dropout: rt.attentionDropout } : given;
      const { tape } = rt, { bias, sinks, start } = given;
      if (!tape?.tracks(q, k, v, bias, sinks)) return ops.attention(q, k, v, options, cache);
      if (cache || start) throw new TypeError(`Cannot record attention that begins at position ${start} of a cache`);
      const [batch, time, heads, headDim] = q.shape, lse = rt.temp([batch, heads, time]);
      const held: KeyValueCache = newKeyValueCache((s) => rt.temp(s), batch, k.shape[2], headDim, time);
      const out = ops.attention(q, k, v, { ...options, lse }, held);
      tape.record(out, [q, k, v, bias, sinks], (g) => {
        const d = {
          q: tape.sum(q),
          k: tape.sum(k),
          v: tape.sum(v),
          bias: tape.gradient(bias),
          sinks: tape.gradient(sinks),
        };
        kernels.attentionGrad(d, g, { q, k, v, out, lse, cache: held }, options);
      });
      return out;
    },
    attentionWeights(q, k, v, options, cache) {
      if (rt.tape?.tracks(q, k, v)) {
        throw new TypeError("Cannot record attentionWeights: it has no gradient, expected attention");
      }
      return ops.attentionWeights(q, k, v, options, cache);
    },
    add(x, y) {
      const out = ops.add(x, y), { tape } = rt;
      tape?.record(out, [x, y], (g) => {
        addTo(tape, y, g);
        if (!tape.give(x, g)) addTo(tape, x, g);
      });
      return out;
    },
    mul(x, y) {
      const out = ops.mul(x, y), { tape } = rt;
      tape?.record(out, [x, y], (g) => {
        const dx = tape.gradient(x), dy = tape.gradient(y);
        if (dx) kernels.addProduct(dx, g, y);
        if (dy && String(x.shape) === String(y.shape)) kernels.addProduct(dy, g, x);
        else if (dy) kernels.sumRows(dy, g, x);
      });
      return out;
    },
    scale(x, factor) {
      const out = ops.scale(x, factor), { tape } = rt;
      tape?.record(out, [x], (g) => addTo(tape, x, g, factor));
      return out;
    },
    dropout(x, rate, seed) {
      const out = ops.dropout(x, rate, seed), { tape } = rt;
      if (out !== x) tape?.record(out, [x], (g) => kernels.dropoutGrad(tape.sum(x)!, g, rate, seed));
      return out;
    },
  };
}
