import type { Tensor } from "../../runtime/tensor.ts";
import type { Component } from "../component.ts";
import { choice, integer, nullable, number } from "../options.ts";
import { isLong, ropeFrequencies, type RopeScaling, ropeScaling } from "./rope_scaling.ts";
import { sinusoidTable } from "./sinusoid_table.ts";

/** Options of {@linkcode rope}. */
export interface RopeConfig {
  /** Longest wavelength over 2π. */
  base: number;
  /** Which channels form a pair: `(i, i + half)` as in Llama checkpoints, or `(2i, 2i + 1)` as in the paper and GPT-J. */
  layout: "half" | "interleaved";
  /** How many channels of each head are rotated; `null` for all. */
  dims: number | null;
  /** Changes the frequencies of a model for longer contexts; `null` for none. */
  scaling: RopeScaling | null;
}

/** The tables of one width of head. */
interface Turning {
  /** Cosines and sines of the first positions at least, for runs of `length` positions. */
  table(until: number, length: number): Tensor;
  /** Factor of each channel after it was rotated, `[headDim]`; absent for 1. */
  readonly gain?: Tensor;
}

/**
 * Rotary position embedding: pair `i` of each query and key is turned by `position · base^(−2i/dims)`.
 * Su et al. 2021, https://arxiv.org/abs/2104.09864
 *
 * Scalings that depend on the length of a run go by the room of its cache, or without one by its last position: so they
 * do not change on the way, and a cache that has been filled stays right.
 */
export const rope: Component<"position", "rope", RopeConfig> = {
  slot: "position",
  type: "rope",
  options: {
    base: number(10000, { above: 1 }),
    layout: choice("half", "interleaved"),
    dims: nullable(integer(64, { min: 2, max: 2 ** 20 }), "all of a head"),
    scaling: nullable(ropeScaling, "none"),
  },
  build({ base, layout, dims, scaling }, context) {
    const { buffer, error, ops } = context, turnings = new Map<number, Turning>();
    function expectFits(rotated: number, headDim: number): void {
      if (rotated % 2) {
        throw error(
          `"rope" turns pairs of channels, but ${dims ? "position.dims" : "attention.headDim"} is ${rotated}`,
        );
      }
      if (rotated > headDim) throw error(`position.dims ${rotated} is more than attention.headDim ${headDim}`);
      if (scaling?.type !== "longrope") return;
      for (const key of ["shortFactors", "longFactors"] as const) {
        if (scaling[key].length === rotated / 2) continue;
        const what = dims ? "position.dims" : "attention.headDim";
        throw error(`position.scaling.${key} has ${scaling[key].length} numbers, but ${what} is ${rotated}`);
      }
    }
    function newTurning(headDim: number): Turning {
      const rotated = dims ?? headDim;
      expectFits(rotated, headDim);
      const [short, long] = [false, true].map((isLong) => {
        let rows: ReturnType<typeof sinusoidTable> | undefined, frequencies: number[] = [], held: number | undefined;
        return (until: number, length: number) => {
          rows ??= sinusoidTable(context, rotated, "cosSin");
          // Short runs share their frequencies, and so do long ones, but where these follow the length.
          const key = isLong && scaling?.type === "dynamic" ? length : 0;
          if (held !== key) frequencies = ropeFrequencies(base, rotated, scaling, isLong ? length : 0);
          held = key;
          return rows(until, frequencies);
        };
      });
      const factor = scaling && "attentionFactor" in scaling ? scaling.attentionFactor : 1;
      return {
        table: (until, length) => (isLong(scaling, length) ? long : short)(until, length),
        ...(factor !== 1 && { gain: buffer([headDim], (values) => void values.fill(1).fill(factor, 0, rotated)) }),
      };
    }
    return {
      rotate(x, start, length) {
        const [, time, , headDim] = x.shape, turning = turnings.get(headDim) ?? newTurning(headDim);
        turnings.set(headDim, turning);
        const turned = ops.rotate(x, turning.table(start + time, length), start, layout);
        return turning.gain ? ops.mul(turned, turning.gain) : turned;
      },
    };
  },
};
