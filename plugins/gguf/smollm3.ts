import { MOST_LAYERS } from "../huggingface/llama_like.ts";
import type { Family } from "./family.ts";
import { llamaLike } from "./llama_like.ts";

/** Of so many layers one, the last, knows no positions; files do not say it. */
const PERIOD = 4;

/** SmolLM 3. https://huggingface.co/blog/smollm3 */
export const smollm3: Family = llamaLike({
  neighbours: true,
  config: (_, { config, sizes, position }) => ({
    ...config,
    position: Array.from(
      { length: Math.min(sizes.depth, MOST_LAYERS) },
      (_, i) => (i + 1) % PERIOD ? position : { type: "none" },
    ),
  }),
});
