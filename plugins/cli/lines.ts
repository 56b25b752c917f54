/** Lines of text, one by one. */
export interface Lines {
  /** The next line, without its end; `undefined` after the last. */
  next(): Promise<string | undefined>;
}

/** The lines of a stream of UTF-8; a last one without an end counts. */
export function linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Lines {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", ended = false;
  return {
    async next() {
      for (;;) {
        const at = rest.indexOf("\n");
        if (at >= 0 || (ended && rest)) {
          const line = at >= 0 ? rest.slice(0, at) : rest;
          rest = at >= 0 ? rest.slice(at + 1) : "";
          return line.replace(/\r$/, "");
        }
        if (ended) return undefined;
        const { done, value } = await reader.read();
        if (done) ended = true;
        else rest += value;
      }
    },
  };
}
