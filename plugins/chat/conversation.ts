import type { Builtin } from "../../components/builtins.ts";
import type { Component } from "../../components/component.ts";
import type { Model } from "../../model/decoder.ts";
import type { EndReason } from "../../model/generator.ts";
import { generateText, type GenerateTextOptions } from "../../model/text.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import type { ChatFormat, ChatMessage } from "./format.ts";

/** Options of {@linkcode createConversation}. `maxTokens` and `seed` are those of each answer. */
export interface ConversationOptions<C extends Component = Builtin>
  extends Omit<GenerateTextOptions<C>, "cache" | "signal" | "onPrefill" | "top"> {
  /** Said before everything else, and never forgotten. */
  readonly system?: string;
}

/** Options of {@linkcode Conversation.say}. */
export interface SayOptions {
  /** Ends the answer where it is. */
  readonly signal?: AbortSignal;
  /** Is told how much of the conversation is known, of how many positions. */
  readonly onPrefill?: (done: number, total: number) => void;
}

/** How an answer came about. */
export interface Answer {
  /** Why it ended. */
  readonly reason: EndReason | "interrupted";
  /** Positions of the conversation before it. */
  readonly positions: number;
  /** How many of them were known from before and not computed again. */
  readonly known: number;
  /** Tokens of the answer. */
  readonly tokens: number;
  /** Messages that were forgotten to make room. */
  readonly forgotten: number;
}

/** A conversation with a model. */
export interface Conversation extends Disposable {
  /** What has been said, the system prompt first. */
  readonly messages: readonly ChatMessage[];
  /**
   * Says something and gives the answer, piece by piece. What was said before an interruption is kept; an answer that was
   * interrupted before its first word leaves no trace, nor does one that fails.
   */
  say(content: string, options?: SayOptions): AsyncGenerator<string, Answer>;
  /** Whether the context has room for a message and an answer, were all else but the system prompt forgotten. */
  fits(content: string): boolean;
  /** Forgets all but the system prompt. */
  reset(): void;
  /** Gives the memory back. */
  close(): void;
}

/**
 * Begins a conversation. Its cache is kept from one answer to the next, so only what is new is computed: the ids of the
 * conversation are compared with those that the cache holds.
 *
 * Where the conversation and a quarter of the context for an answer (or `maxTokens`, if that is less) do not fit, the
 * oldest questions and answers are forgotten until half of the context is free: more than must be, so that not every
 * answer begins with computing everything again. A single message that does not fit is a `RangeError`.
 *
 * Throws a {@linkcode CheckpointError} if the format refuses conversations such as this.
 *
 * @example
 * ```ts
 * import { createRuntime } from "@tenon/tenon";
 * import { createConversation, plainFormat } from "@tenon/tenon/chat";
 * import { loadEmbedded } from "@tenon/tenon/embedded";
 *
 * using runtime = await createRuntime();
 * const { model, tokenizer } = await loadEmbedded(runtime);
 * using conversation = createConversation(model, tokenizer, plainFormat, { maxTokens: 20 });
 * for await (const text of conversation.say("Once upon a time")) console.log(text);
 * ```
 */
export function createConversation<const C extends Component = never>(
  model: Model,
  tokenizer: Tokenizer,
  format: ChatFormat,
  { system, stop = [], stopIds = [], seed = 0, ...options }: ConversationOptions<Builtin | C> = {},
): Conversation {
  const first: readonly ChatMessage[] = system === undefined ? [] : [{ role: "system", content: system }];
  format.render([...first, { role: "user", content: "Hello" }]); // refuses before anybody has typed anything
  const cache = model.newCache(), { context } = model.config;
  const ends = { stop: [...format.stop, ...stop], stopIds: [...format.stopIds(tokenizer), ...stopIds] };
  const room = Math.max(1, Math.min(options.maxTokens ?? context, Math.floor(context / 4)));
  let history: readonly ChatMessage[] = [], answers = 0;

  /** The ids of a conversation that ends with `message`, and what of the history is still in it. */
  function fit(message: ChatMessage) {
    const encode = (kept: readonly ChatMessage[]) => format.encode(tokenizer, [...first, ...kept, message]);
    let kept = history, ids = encode(kept);
    if (ids.length > context - room) {
      while (kept.length && ids.length > context / 2) ids = encode(kept = kept.slice(2));
    }
    if (ids.length < context) return { kept, ids };
    throw new RangeError(`Cannot answer: the message takes ${ids.length} tokens, the context is ${context}`);
  }

  return {
    get messages() {
      return [...first, ...history];
    },
    async *say(content, { signal, onPrefill } = {}) {
      const message: ChatMessage = { role: "user", content }, { kept, ids } = fit(message);
      const forgotten = history.length - kept.length, known = commonLength(cache.ids[0], ids);
      const pieces = generateText<C>(model, tokenizer, ids, {
        ...options as GenerateTextOptions<Builtin | C>,
        ...ends,
        seed: seed + answers++,
        cache,
        ...(signal && { signal }),
        ...(onPrefill && { onPrefill }),
      });
      let said = "", tokens = 0, failed = false, reason: Answer["reason"] | undefined;
      try {
        while (reason === undefined) {
          const { done, value } = await pieces.next();
          if (done) reason = value;
          else {
            tokens++;
            said += value.text;
            if (value.text) yield value.text;
          }
        }
      } catch (error) {
        failed = !signal?.aborted;
        if (failed) throw error;
        reason = "interrupted";
      } finally {
        await pieces.return("stop");
        const whole = reason !== undefined && reason !== "interrupted";
        if (whole || (said && !failed)) history = [...kept, message, { role: "assistant", content: said }];
      }
      return { reason, positions: ids.length, known, tokens, forgotten };
    },
    fits: (content) => format.encode(tokenizer, [...first, { role: "user", content }]).length < context,
    reset() {
      history = [];
    },
    close: () => cache.close(),
    [Symbol.dispose]: () => cache.close(),
  };
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((id, i) => id !== b[i]);
  return Math.min(at < 0 ? a.length : at, b.length - 1);
}
