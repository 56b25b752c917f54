import type { Tensor } from "../../runtime/tensor.ts";
import type { Component } from "../component.ts";
import { choice, integer, nullable, number } from "../options.ts";
import { ropeFrequencies, type RopeScaling, ropeScaling } from "./rope_scaling.ts";
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

/**
 * Rotary position embedding: pair `i` of each query and key is turned by `position · base^(−2i/dims)`.
 * Su et al. 2021, https://arxiv.org/abs/2104.09864
 */
export const rope: Component<"position", "rope", RopeConfig> = {
  slot: "position",
  type: "rope",
  options: {
    base: number(10000, { above: 1 }),
    layout: choice("half", "interleaved"),
    dims: nullable(integer(64, { min: 2 }), "all of a head"),
    scaling: nullable(ropeScaling, "none"),
  },
  build({ base, layout, dims, scaling }, context) {
    const { error, ops } = context;
    const tables = new Map<number, (until: number) => Tensor>();
    function tableFor(headDim: number): (until: number) => Tensor {
      const rotated = dims ?? headDim;
      if (rotated % 2) {
        throw error(
          `"rope" turns pairs of channels, but ${dims ? "position.dims" : "attention.headDim"} is ${rotated}`,
        );
      }
      if (rotated > headDim) throw error(`position.dims ${rotated} is more than attention.headDim ${headDim}`);
      const table = tables.get(rotated) ??
        sinusoidTable(context, ropeFrequencies(base, rotated, scaling), rotated, "cosSin");
      tables.set(rotated, table);
      return table;
    }
    return {
      rotate(x, start) {
        const [, time, , headDim] = x.shape;
        return ops.rotate(x, tableFor(headDim)(start + time), start, layout);
      },
    };
  },
};
