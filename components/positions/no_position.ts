import type { Component } from "../component.ts";

/**
 * No positions: causal attention alone tells tokens apart by how many precede them. In configs: `"none"`.
 * Haviv et al. 2022, https://arxiv.org/abs/2203.16634
 */
export const noPosition: Component<"position", "none", Record<never, never>> = {
  slot: "position",
  type: "none",
  options: {},
  build: () => ({}),
};
