import type { Component } from "../component.ts";
import { number } from "../options.ts";

/** Options of {@linkcode presence}. */
export interface PresenceConfig {
  /** Subtracted once. */
  penalty: number;
}

/** `logit − penalty` for tokens generated before; the prompt does not count. https://platform.openai.com/docs/api-reference/chat/create */
export const presence: Component<"sampler", "presence", PresenceConfig> = {
  slot: "sampler",
  type: "presence",
  options: { penalty: number(0.5) },
  build: ({ penalty }) => ({
    apply(logits, { tokens, promptLength }) {
      for (const id of new Set(tokens.slice(promptLength))) logits[id] -= penalty;
    },
  }),
};
