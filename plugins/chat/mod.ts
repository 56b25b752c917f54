/**
 * Conversations with a model, by the chat template of its checkpoint or as a plain dialogue.
 *
 * @example
 * ```ts ignore
 * import { createRuntime, loadModel } from "@tenon/tenon";
 * import { chatFormat, createConversation } from "@tenon/tenon/chat";
 * import { huggingface } from "@tenon/tenon/huggingface";
 *
 * using runtime = await createRuntime();
 * const { model, checkpoint } = await loadModel(runtime, "SmolLM2-135M-Instruct/", { plugins: [huggingface] });
 * const format = chatFormat(await checkpoint.chat?.()), tokenizer = (await checkpoint.tokenizer())!;
 * using conversation = createConversation(model, tokenizer, format, { system: "Answer in one word." });
 * for await (const text of conversation.say("What is the capital of France?")) console.log(text);
 * for await (const text of conversation.say("And of Italy?")) console.log(text);
 * ```
 *
 * @module
 */
import type { ChatTemplates } from "../../model/format.ts";
import type { ChatFormat } from "./format.ts";
import { plainFormat } from "./plain.ts";
import { templateFormat } from "./template.ts";

export {
  type Answer,
  type Conversation,
  type ConversationOptions,
  createConversation,
  type SayOptions,
} from "./conversation.ts";
export type { ChatFormat, ChatMessage } from "./format.ts";
export { plainFormat, templateFormat };
export type { ChatTemplates };

/** The format that a checkpoint's templates describe, or {@linkcode plainFormat} where it has none. */
export function chatFormat(templates: ChatTemplates | undefined): ChatFormat {
  return templates ? templateFormat(templates) : plainFormat;
}
