const encoder = new TextEncoder();

/** Lines on standard error that are written over; nothing where that is not a terminal. */
export function statusBlock(): { show(lines: readonly string[]): void; clear(): void } {
  const terminal = Deno.stderr.isTerminal();
  let height = 0, last = 0;
  const write = (text: string) => Deno.stderr.writeSync(encoder.encode(text));
  const clear = () => {
    if (height) write(`\x1b[${height}A\x1b[J`);
    height = 0;
  };
  return {
    show(lines) {
      if (!terminal || performance.now() - last < 100) return;
      last = performance.now();
      const { columns } = Deno.consoleSize();
      clear();
      // A line that wraps could not be written over.
      write(lines.map((line) => `${line.slice(0, Math.max(20, columns - 1))}\n`).join(""));
      height = lines.length;
    },
    clear,
  };
}
