/** A column of a {@linkcode Table}. */
export interface Column {
  /** Its heading. */
  readonly title: string;
  /** Default: numbers, to the right. */
  readonly text?: boolean;
}

/** Rows of texts, for any format. The first column names the row. */
export interface Table {
  /** What it shows. */
  readonly caption: string;
  /** From left to right. */
  readonly columns: readonly Column[];
  /** A cell for each column. */
  readonly rows: readonly (readonly string[])[];
}

const GAP = "  ";

/**
 * A table for a terminal, at most `width` characters wide: columns of texts share what the numbers leave and are wrapped, as
 * headings are.
 */
export function textTable({ columns, rows }: Table, width: number): string {
  const cells = rows.map((row) => row.map(plain)), titles = columns.map((column) => plain(column.title));
  const longest = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => [...text].length));
  const widths = columns.map(({ text }, i) => {
    const body = longest(cells.map((row) => row[i]));
    return text ? Math.max(body, longest([titles[i]])) : Math.max(body, longest(titles[i].split(" ")));
  });
  const total = () => widths.reduce((sum, w) => sum + w + GAP.length, -GAP.length);
  const texts = columns.flatMap(({ text }, i) => text ? [i] : []);
  while (total() > width && texts.length) {
    const widest = texts.reduce((a, b) => widths[b] > widths[a] ? b : a);
    if (widths[widest] <= 8) break;
    widths[widest]--;
  }
  const block = (row: readonly string[]) => {
    const lines = row.map((cell, i) => wrapped(cell, widths[i])), height = Math.max(...lines.map((l) => l.length));
    return Array.from({ length: height }, (_, k) =>
      columns.map(({ text }, i) => {
        const line = lines[i][k] ?? "", space = " ".repeat(Math.max(0, widths[i] - [...line].length));
        return text ? line + space : space + line;
      }).join(GAP).trimEnd());
  };
  const rule = widths.map((w) => "─".repeat(w)).join(GAP);
  return [...block(titles), rule, ...cells.flatMap(block)].map((line) => `${line}\n`).join("");
}

/** A table of GitHub's Markdown. */
export function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeMarkdown).join(" | ")} |\n`;
  return line(columns.map((column) => column.title)) +
    `|${columns.map(({ text }) => text ? " :-- |" : " --: |").join("")}\n` + rows.map(line).join("");
}

/** Text that Markdown shows as it is, in a cell of a table as well. */
export function escapeMarkdown(text: string): string {
  return plain(text)
    .replace(/[\\`*_[\]|~#]/g, "\\$&")
    .replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]!)
    .replace(/^([-+]|\d+\.)(?= )/, "\\$1"); // else a list
}

/** Rows as CSV, RFC 4180: https://www.rfc-editor.org/rfc/rfc4180, with line feeds. */
export function csv(rows: readonly (readonly (string | number | undefined)[])[]): string {
  const cell = (value: string | number | undefined) => {
    const text = String(value ?? "");
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => `${row.map(cell).join(",")}\n`).join("");
}

/** Text wrapped at spaces, for a terminal; without what would control it. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of plain(text).split(" ")) {
    if (line && [...line].length + 1 + [...word].length <= width) line += ` ${word}`;
    else {
      if (line) lines.push(line);
      const characters = [...word];
      while (characters.length > width) lines.push(characters.splice(0, breakAt(characters, width)).join(""));
      line = characters.join("");
    }
  }
  return [...lines, line];
}

/** Where to break a word that is too long: after a comma or an equals sign, if there is one late enough. */
function breakAt(characters: readonly string[], width: number): number {
  const at = characters.slice(0, width).findLastIndex((c) => c === "," || c === "=");
  return at >= width / 2 ? at + 1 : width;
}

/** On one line, without what would control a terminal. */
function plain(text: string): string {
  return text.toWellFormed().replace(/\s/g, " ").replace(/\p{Cc}/gu, "\ufffd");
}
