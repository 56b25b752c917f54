import type { Answer, Conversation } from "../chat/mod.ts";
import type { Lines } from "./lines.ts";

/** What a chat reads from and writes to. */
export interface ChatTerminal {
  /** What is typed. */
  readonly lines: Lines;
  /** Whether somebody types. */
  readonly typed: boolean;
  /** Shows that something may be typed. */
  prompt(): void;
  /** Writes a piece of an answer. `false` if nobody reads it any more. */
  print(text: string): boolean;
  /** Writes a line that is no part of the conversation. */
  note(line: string): void;
  /** A line that is written over. */
  readonly status: { show(text: string): void; clear(): void };
  /** Calls `f` at each Ctrl-C, until what it returns is called. */
  onInterrupt(f: () => void): () => void;
}

const HELP = `/reset  forget the conversation, but for the system prompt
/help   this
/exit   end, as Ctrl-D does
Ctrl-C  ends an answer; twice where you type, the program. A line that begins with // says what follows the first slash.`;

/** What became of the line that was awaited. */
const INTERRUPTED = Symbol("interrupted");

/**
 * A conversation, line by line: what is typed is said, commands begin with a slash. Ends at `/exit` or the end of input
 * with exit code 0, after Ctrl-C twice in a row with nothing in between with 130.
 */
export async function chatLoop(conversation: Conversation, terminal: ChatTerminal, stats = false): Promise<number> {
  const { lines, note } = terminal;
  let interrupted = () => {};
  const off = terminal.onInterrupt(() => interrupted());
  try {
    let pending: Promise<string | undefined> | undefined, warned = false;
    for (;;) {
      if (terminal.typed) terminal.prompt();
      pending ??= lines.next();
      const line = await Promise.race([
        pending,
        new Promise<typeof INTERRUPTED>((resolve) => interrupted = () => resolve(INTERRUPTED)),
      ]);
      if (line === INTERRUPTED) {
        note("");
        if (warned) return 130;
        warned = true;
        note("Ctrl-C again ends the program, and so do Ctrl-D and /exit");
        continue;
      }
      [pending, warned] = [undefined, false];
      if (line === undefined) {
        if (terminal.typed) note("");
        return 0;
      }
      const command = line.trim();
      if (command === "/exit") return 0;
      if (command === "/help") note(HELP);
      else if (command === "/reset") {
        conversation.reset();
        note("forgotten");
      } else if (/^\/[^/]/.test(command)) note(`unknown command ${command.split(/\s/)[0]}: /help lists them`);
      else if (command && !await answer(command.replace(/^\/\//, "/"))) return 0;
    }
  } finally {
    off();
  }

  /** Says `content` and prints the answer. `false` if nobody reads it. */
  async function answer(content: string): Promise<boolean> {
    const stop = new AbortController();
    interrupted = () => stop.abort(new Error("interrupted"));
    const { print, status } = terminal, before = performance.now();
    let begun = false;
    if (!conversation.fits(content)) return note("the message is longer than the context: nothing was said"), true;
    const pieces = conversation.say(content, {
      signal: stop.signal,
      onPrefill: (done, total) => status.show(`reading ${done}/${total}`),
    });
    try {
      for (;;) {
        const { done, value } = await pieces.next();
        status.clear();
        if (done) return report(value, performance.now() - before), true;
        // A template or a dialogue often leaves the space before the first word to the answer.
        if (!print(begun ? value : value.trimStart())) return false;
        begun ||= value.trim() !== "";
      }
    } finally {
      status.clear();
      await pieces.return(undefined as never);
    }
  }

  function report({ reason, positions, known, tokens, forgotten }: Answer, time: number): void {
    terminal.print("\n");
    if (forgotten) note(`note: the context was full: the first ${forgotten} messages were forgotten`);
    if (reason === "context") note("note: the answer was cut: the context is full");
    if (!stats) return;
    note(
      `${positions} positions, ${known} of them known; ${tokens} tokens in ${(time / 1000).toFixed(1)} s; ` +
        `ended by ${reason}`,
    );
  }
}
