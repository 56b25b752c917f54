const encoder = new TextEncoder();

/** Characters. */
interface Size {
  readonly columns: number;
  readonly rows: number;
}

/**
 * What a terminal is sent to show `lines` in place of the `height` lines above the cursor, and how many those are now. A
 * line that wraps, or one that has left the screen, could not be written over: lines are cut, and where there are too many
 * the last one, which is of all, stays.
 */
export function redrawn(
  lines: readonly string[],
  height: number,
  { columns, rows }: Size,
): { readonly text: string; readonly height: number } {
  const room = Math.max(1, rows - 1), width = Math.max(20, columns - 1);
  const shown = lines.length > room ? [...lines.slice(0, room - 1), lines[lines.length - 1]] : lines;
  // From the left: a ^C that was typed has moved the cursor.
  const erased = height ? `\r\x1b[${height}A\x1b[J` : "";
  return {
    text: erased + shown.map((line) => `${[...line].slice(0, width).join("")}\n`).join(""),
    height: shown.length,
  };
}

/** Lines on standard error that are written over; nothing where that is not a terminal. */
export function statusBlock(): { show(lines: readonly string[]): void; clear(): void } {
  const terminal = Deno.stderr.isTerminal();
  let height = 0, last = 0;
  const draw = (lines: readonly string[]) => {
    const { text, height: now } = redrawn(lines, height, consoleSize());
    Deno.stderr.writeSync(encoder.encode(text));
    height = now;
  };
  return {
    show(lines) {
      if (!terminal || performance.now() - last < 100) return;
      last = performance.now();
      draw(lines);
    },
    clear() {
      if (height) draw([]);
    },
  };
}

/** Of the terminal; some do not know theirs. */
function consoleSize(): Size {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { columns: columns || 80, rows: rows || 24 };
  } catch {
    return { columns: 80, rows: 24 };
  }
}
