/** The lines of a stream of text, without their ends. */
export async function* splitLines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest) yield rest;
}

/** One line that says what an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : (error as { message?: unknown })?.message ?? error;
  return String(message).split("\n")[0];
}
