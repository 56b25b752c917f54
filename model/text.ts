import type { Builtin } from "../components/builtins.ts";
import type { Component } from "../components/component.ts";
import type { Model } from "./decoder.ts";
import { type EndReason, generate, type GenerateOptions } from "./generator.ts";
import type { GeneratedToken } from "./sampling.ts";
import { textStream, type Tokenizer } from "./tokenizer.ts";

/** Options of {@linkcode generateText}. */
export interface GenerateTextOptions<C extends Component = Builtin> extends GenerateOptions<C> {
  /** Texts that end generation; they are not returned. */
  readonly stop?: readonly string[];
}

/** A token and the text that became certain with it. */
export interface GeneratedText extends GeneratedToken {
  /** New text: often a word, nothing while a character or a possible stop text is incomplete. */
  readonly text: string;
}

/**
 * Generates text after `prompt` (a text, or its ids), piece by piece. The tokenizer's own stop ids end it beside those of the options. The
 * last piece may come with the id of a token before it.
 */
export async function* generateText<const C extends Component = never>(
  model: Model,
  tokenizer: Tokenizer,
  prompt: string | readonly number[],
  { stop = [], stopIds = [], ...options }: GenerateTextOptions<Builtin | C> = {},
): AsyncGenerator<GeneratedText, EndReason> {
  if (stop.some((s) => s === "")) throw new RangeError("Cannot stop at an empty text, expected at least one character");
  const ids = typeof prompt === "string" ? tokenizer.encode(prompt) : prompt,
    stream = textStream(tokenizer, ids),
    gate = stopGate(stop);
  const tokens = generate<C>(model, ids, { ...options, stopIds: [...tokenizer.stopIds, ...stopIds] });
  let last: GeneratedToken | undefined;
  try {
    for (;;) {
      const { done, value } = await tokens.next();
      if (done) {
        const text = gate.push(stream.flush()) + gate.flush();
        if (text && last) yield { ...last, text };
        return gate.stopped() ? "stop" : value;
      }
      yield { ...last = value, text: gate.push(stream.push(value.id)) };
      if (gate.stopped()) return "stop";
    }
  } finally {
    await tokens.return("stop");
  }
}

/** Passes text on until one of `stop` occurs, holding back an end that could become one. */
function stopGate(stop: readonly string[]): { push(text: string): string; flush(): string; stopped(): boolean } {
  let held = "", stopped = false;
  return {
    push(text) {
      if (stopped) return "";
      held += text;
      const found = stop.map((s) => held.indexOf(s)).filter((at) => at >= 0);
      stopped = found.length > 0;
      let keep = 0;
      if (!stopped) {
        const longest = Math.min(held.length, Math.max(0, ...stop.map((s) => s.length - 1)));
        for (let n = longest; n > 0 && !keep; n--) if (stop.some((s) => s.startsWith(held.slice(-n)))) keep = n;
      }
      const end = stopped ? Math.min(...found) : held.length - keep, out = held.slice(0, end);
      held = held.slice(end);
      return out;
    },
    flush() {
      const out = stopped ? "" : held;
      held = "";
      return out;
    },
    stopped: () => stopped,
  };
}
