import type { ChatFormat, ChatMessage } from "./format.ts";

const names: Readonly<Record<ChatMessage["role"], string>> = { system: "", user: "User: ", assistant: "Assistant: " };

/**
 * For models without a template: a dialogue as a book would print it, which ends at `Assistant:`. The system prompt
 * stands before it. An answer ends where the model begins to speak for the user.
 *
 * ```
 * Ann is a pirate.
 *
 * User: Who are you?
 * Assistant:
 * ```
 */
export const plainFormat: ChatFormat = {
  name: "plain",
  stop: ["\nUser:"],
  render(messages) {
    const lines = messages.map(({ role, content }) =>
      `${names[role]}${content.trim()}${role === "system" ? "\n" : ""}`
    );
    return [...lines, "Assistant:"].join("\n");
  },
  encode: (tokenizer, messages) => tokenizer.encode(plainFormat.render(messages)),
  stopIds: () => [],
};
