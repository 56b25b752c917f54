import { appendShader } from "../../kernels/wgsl/append.ts";
import { appendPackedShaders } from "../../kernels/wgsl/append_packed.ts";
import type { Packed } from "../../kernels/wgsl/kept.ts";
import { rotateShader } from "../../kernels/wgsl/rotate.ts";
import { sinusoidShader } from "../../kernels/wgsl/sinusoid.ts";
import type { Kernels, KeyValueCache, RotaryLayout } from "../kernels.ts";
import { BLOCK, dimOf, PANEL, panelsOf, rowsOf, type Tensor } from "../tensor.ts";
import { keptAs } from "./attention_kernels.ts";
import { fractionOfTurn } from "./fractions.ts";
import type { Gpu } from "./gpu.ts";

/** Kernels that know about positions, but attention. */
export function positionKernels(gpu: Gpu): Pick<Kernels, "sinusoid" | "rotate" | "rotateGrad" | "append"> {
  function turn(
    out: Tensor,
    x: Tensor,
    angles: Tensor,
    start: number,
    layout: RotaryLayout,
    direction: number,
    add: boolean,
  ): void {
    const [batch, time, heads, headDim] = x.shape, half = dimOf(angles) / 2, slots = headDim - half;
    const count = batch * time * heads * slots;
    gpu.run(
      rotateShader,
      { out, x, angles },
      { count, time, heads, headDim, half, slots, start, direction },
      Math.ceil(count / rotateShader.workgroup),
      layout === "interleaved",
      add,
    );
  }

  return {
    sinusoid: (out, positions, frequencies, layout) =>
      gpu.briefly(() => {
        const dim = dimOf(out), half = frequencies.length, fractions = gpu.temp([half, 2], "i32");
        gpu.write(fractions, frequencies.flatMap(fractionOfTurn));
        const [sine, cosine, stride] = layout === "interleaved"
          ? [0, 1, 2]
          : layout === "sinCos"
          ? [0, half, 1]
          : [half, 0, 1];
        const count = rowsOf(out) * half;
        gpu.run(
          sinusoidShader,
          { out, positions, fractions },
          { count, dim, half, sine, cosine, stride },
          Math.ceil(count / sinusoidShader.workgroup),
        );
      }),
    rotate: (out, x, table, start, layout) => turn(out, x, table, start, layout, 1, false),
    rotateGrad: (dx, g, table, start, layout) => turn(dx, g, table, start, layout, -1, !dx.empty),
    append(cache, k, v, start) {
      const kept = keptAs(cache);
      if (kept === "f32") appendRows(gpu, cache, k, v, start);
      else appendPacked(gpu, cache, kept, k, v, start);
    },
  };
}

/** What {@linkcode appendRows} departs in from appending keys and values. */
export interface AppendOptions {
  /** Heads that become rows of one: `[batch, time, heads, headDim]` is `[batch, heads / group, time · group, headDim]`. */
  readonly group?: number;
  /** Which of the sequences × heads of `cache.keys` is the first. */
  readonly keyUnit?: number;
  /** Which of those of `cache.values` is the first. */
  readonly valueUnit?: number;
}

/** Writes `x` and `y` to positions `start …` of a cache, as keys and as values. */
export function appendRows(
  gpu: Gpu,
  { keys, values, capacity }: KeyValueCache,
  x: Tensor,
  y: Tensor,
  start: number,
  { group = 1, keyUnit = 0, valueUnit = 0 }: AppendOptions = {},
): void {
  const [batch, time, allHeads, headDim] = x.shape, heads = allHeads / group, rows = time * group;
  const panels = panelsOf(start + rows) - Math.floor(start / PANEL), channels = panelsOf(headDim) * PANEL;
  const count = batch * heads * panels * channels * PANEL;
  gpu.run(
    appendShader,
    { keys, values, x, y },
    {
      count,
      panels,
      start,
      rows,
      group,
      heads,
      headDim,
      channels,
      keyPanels: panelsOf(capacity),
      valueBlocks: values.shape[2],
      keyUnit,
      valueUnit,
    },
    Math.ceil(count / appendShader.workgroup),
  );
}

/** Writes keys and values to positions `start …` of a cache that is not in f32. */
function appendPacked(gpu: Gpu, cache: KeyValueCache, kept: Packed, k: Tensor, v: Tensor, start: number): void {
  const { keys, values, keyScales, valueScales, capacity } = cache, [batch, time, heads, headDim] = k.shape;
  const keyPanels = panelsOf(capacity),
    firstPanel = Math.floor(start / PANEL),
    channelGroups = Math.ceil(headDim / BLOCK);
  // A ring's first panel may get the last positions, too.
  const panels = Math.min(panelsOf(start + time) - firstPanel, keyPanels);
  gpu.run(
    appendPackedShaders[kept],
    { keys, values, keyScales, valueScales, x: k, y: v },
    {
      panels,
      firstPanel: firstPanel % keyPanels,
      start,
      time,
      heads,
      headDim,
      channelGroups,
      keyPanels,
      valueBlocks: values.shape[2],
    },
    batch * heads * panels * channelGroups,
  );
}
