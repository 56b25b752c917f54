const encoder = new TextEncoder();

/** Lines on standard error that are written over; nothing where that is not a terminal. */
export function statusBlock(): { show(lines: readonly string[]): void; clear(): void } {
  const terminal = Deno.stderr.isTerminal();
  let height = 0, last = 0;
  const write = (text: string) => Deno.stderr.writeSync(encoder.encode(text));
  // From the left: a ^C that was typed has moved the cursor.
  const eraser = () => height ? `\r\x1b[${height}A\x1b[J` : "";
  const clear = () => {
    if (height) write(eraser());
    height = 0;
  };
  return {
    show(lines) {
      if (!terminal || performance.now() - last < 100) return;
      last = performance.now();
      const { columns, rows } = consoleSize(), room = Math.max(1, rows - 1);
      const shown = lines.length > room ? [...lines.slice(0, room - 1), lines[lines.length - 1]] : lines;
      // A line that wraps, or one that has left the screen, could not be written over.
      write(eraser() + shown.map((line) => `${line.slice(0, Math.max(20, columns - 1))}\n`).join(""));
      height = shown.length;
    },
    clear,
  };
}

/** Of the terminal; some do not know theirs. */
function consoleSize(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || 80, rows: rows || 24 };
  } catch {
    return { columns: 80, rows: 24 };
  }
}
