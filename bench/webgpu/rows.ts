/** What is measured, as JSON lines and as tables. */

/** One result. */
export interface Row {
  /** What it is about: `decode 110M, f16 weights`. */
  readonly what: string;
  /** Numbers by name and unit: the columns of a table. */
  readonly values: Readonly<Record<string, number | string>>;
}

/** Takes a result as soon as there is one. */
export type Emit = (what: string, values: Row["values"]) => void;

/** Runs `f`; if it fails, that is the result, and what comes after it is measured all the same. */
export async function attempt(emit: Emit, what: string, f: () => Promise<void>): Promise<void> {
  try {
    await f();
  } catch (error) {
    emit(what, { failed: error instanceof Error ? error.message : String(error) });
  }
}

/** A Markdown table of rows: a column for every name that occurs. */
export function table(title: string, rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    `### ${title}`,
    "",
    line(["", ...columns]),
    line(["---", ...columns.map(() => "---:")]),
    ...rows.map(({ what, values }) => line([what, ...columns.map((c) => cell(values[c]))])),
    "",
  ].join("\n");
}

function cell(value: number | string | undefined): string {
  if (typeof value !== "number") return value ?? "";
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

/** `part` of `whole` for people: `83 %`. */
export function percent(part: number, whole: number): string {
  return `${(100 * part / whole).toPrecision(3)} %`;
}
