import type { Component } from "../component.ts";
import { number } from "../options.ts";

/** Options of {@linkcode clip}. */
export interface ClipConfig {
  /** Largest size of an element. */
  limit: number;
}

/**
 * Queries, keys and values are cut off at `±limit`. As in MPT and OLMo (`clip_qkv`),
 * https://www.databricks.com/blog/mpt-7b
 */
export const clip: Component<"queryKey", "clip", ClipConfig> = {
  slot: "queryKey",
  type: "clip",
  options: { limit: number(8, { above: 0 }) },
  build({ limit }, { buffer, ops }) {
    const [once, twice, back] = [limit, 2 * limit, -limit].map((v) => buffer([1], (values) => void values.fill(v)));
    return {
      // relu(2c − relu(c − x)) − c
      forward(x) {
        const below = ops.relu(ops.add(ops.scale(x, -1), once));
        return ops.add(ops.relu(ops.add(ops.scale(below, -1), twice)), back);
      },
      values: true,
    };
  },
};
