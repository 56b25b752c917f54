import { Template } from "@huggingface/jinja";
import type { ChatTemplates } from "../../model/format.ts";
import { CheckpointError } from "../../model/source.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import type { ChatFormat, ChatMessage } from "./format.ts";

/** Said in a conversation that is only there to see how an answer ends. */
const ANSWER = "An answer.";

/**
 * The format that a checkpoint's Jinja template describes, given what transformers gives it: `messages`, the special
 * tokens by name, `add_generation_prompt`, and neither tools nor documents. The text has its special tokens in it
 * already, so no others are put around it.
 *
 * Throws a {@linkcode CheckpointError} for a template that cannot be parsed, or for want of one that is called `default`;
 * `render` and `encode` throw one where the template refuses the conversation.
 */
export function templateFormat({ file, templates, tokens }: ChatTemplates): ChatFormat {
  if (!Object.hasOwn(templates, "default")) {
    const names = Object.keys(templates).join(", ") || "none";
    throw new CheckpointError(
      `Cannot use the chat templates of ${file}: they are ${names}, expected one named default`,
    );
  }
  const template = attempt(() => new Template(templates.default), `Cannot read the chat template of ${file}`);
  const render = (messages: readonly ChatMessage[], open: boolean) =>
    attempt(
      () => template.render({ ...tokens, messages, tools: null, documents: null, add_generation_prompt: open }),
      `Cannot write the conversation by the chat template of ${file}`,
    );
  return {
    name: file,
    stop: [],
    render: (messages) => render(messages, true),
    encode: (tokenizer, messages) => encodeAlone(tokenizer, render(messages, true)),
    stopIds(tokenizer) {
      const ends = tokens.eos_token === undefined ? [] : encodeAlone(tokenizer, tokens.eos_token);
      return [...ends.length === 1 ? ends : [], ...turnEnd(tokenizer, (messages) => render(messages, false))];
    },
  };
}

/**
 * The special token that the template puts behind an answer, if it does: many models end their answers with a token that
 * is not the one that ends a text, and not all files say so.
 */
function turnEnd(tokenizer: Tokenizer, render: (messages: readonly ChatMessage[]) => string): readonly number[] {
  let text: string;
  try {
    text = render([{ role: "user", content: "A question." }, { role: "assistant", content: ANSWER }]);
  } catch {
    return []; // it may refuse a conversation that is over
  }
  const [, end] = text.split(ANSWER), [id] = end ? encodeAlone(tokenizer, end) : [];
  return id !== undefined && tokenizer.decode([id]) === "" ? [id] : [];
}

function encodeAlone(tokenizer: Tokenizer, text: string): number[] {
  return tokenizer.encodeAlone?.(text) ?? tokenizer.encode(text);
}

function attempt<T>(f: () => T, action: string): T {
  try {
    return f();
  } catch (error) {
    throw new CheckpointError(`${action}: ${(error as Error).message}`, { cause: error });
  }
}
