import type { Component } from "../component.ts";
import { number } from "../options.ts";

/** Options of {@linkcode frequency}. */
export interface FrequencyConfig {
  /** Subtracted for each occurrence. */
  penalty: number;
}

/** `logit − penalty · (how often the token was generated)`; the prompt does not count. https://platform.openai.com/docs/api-reference/chat/create */
export const frequency: Component<"sampler", "frequency", FrequencyConfig> = {
  slot: "sampler",
  type: "frequency",
  options: { penalty: number(0.5) },
  build: ({ penalty }) => ({
    apply(logits, { tokens, promptLength }) {
      for (const id of tokens.slice(promptLength)) logits[id] -= penalty;
    },
  }),
};
