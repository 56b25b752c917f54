import type { Component } from "../component.ts";

/** Queries and keys as they are. In configs: `"plain"`. */
export const plainQueryKey: Component<"queryKey", "plain", Record<never, never>> = {
  slot: "queryKey",
  type: "plain",
  options: {},
  build: () => ({ forward: (x) => x }),
};
