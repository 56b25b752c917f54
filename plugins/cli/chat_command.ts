import type { Component } from "../../components/component.ts";
import type { Checkpoint } from "../../model/format.ts";
import type { Model } from "../../model/decoder.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import { chatFormat, type ConversationOptions, createConversation, plainFormat } from "../chat/mod.ts";
import { chatLoop } from "./chat_loop.ts";
import { linesOf } from "./lines.ts";
import { note, print, statusLine } from "./terminal.ts";

/** How {@linkcode chat} is set up. */
export interface ChatOptions extends ConversationOptions<Component> {
  /** Say after each answer what was computed. */
  readonly stats: boolean;
}

/** A conversation on standard input and output, a terminal or not. Returns the exit code. */
export async function chat(
  model: Model,
  tokenizer: Tokenizer,
  checkpoint: Checkpoint,
  { stats, ...options }: ChatOptions,
): Promise<number> {
  const format = chatFormat(await checkpoint.chat?.());
  using conversation = createConversation<Component>(model, tokenizer, format, options);
  if (format === plainFormat) {
    note("note: the model has no chat template: it is shown a dialogue of lines that begin with User: and Assistant:");
  }
  const typed = Deno.stdin.isTerminal();
  if (typed) note("/help lists commands");
  return await chatLoop(conversation, {
    lines: linesOf(Deno.stdin.readable),
    typed,
    prompt: () => void Deno.stderr.writeSync(new TextEncoder().encode("> ")),
    print,
    note,
    status: statusLine(),
    onInterrupt(f) {
      Deno.addSignalListener("SIGINT", f);
      return () => Deno.removeSignalListener("SIGINT", f);
    },
  }, stats);
}
