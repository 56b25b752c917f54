/** `12,345`, or `–` for none. */
export function whole(value: number | undefined): string {
  return value === undefined ? "–" : Math.round(value).toLocaleString("en-US");
}

/** With so many digits behind the point, or `–` for none. A minus is U+2212, as wide as a plus, and zero has none. */
export function fixed(value: number | undefined, digits: number): string {
  if (value === undefined) return "–";
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** {@linkcode fixed} with a sign, which only a zero lacks. */
export function signed(value: number | undefined, digits: number): string {
  const text = fixed(value, digits);
  return value !== undefined && value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** A p-value with three digits. */
export function pValue(p: number | undefined): string {
  return p === undefined ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3);
}

/** Three digits and a factor of 1,000: `1.23 M`. */
export function scaled(value: number | undefined): string {
  if (value === undefined) return "–";
  const rounded = Number(value.toPrecision(3));
  for (const [unit, scale] of [["E", 1e18], ["P", 1e15], ["T", 1e12], ["G", 1e9], ["M", 1e6], ["k", 1e3]] as const) {
    if (rounded >= scale) return `${(rounded / scale).toPrecision(3)} ${unit}`;
  }
  return String(rounded);
}

/** Units of {@linkcode clock}, in seconds. */
const units = [["h", 3600], ["min", 60], ["s", 1]] as const;

/** The unit in which a time is read best, and how many seconds it has. */
export function clockUnit(seconds: number): readonly ["h" | "min" | "s", number] {
  return units.find(([, scale]) => seconds >= 1.5 * scale) ?? units[2];
}

/** A time with three digits: `42.1 s`, `3.05 min`, `12.0 h`; `–` for none. */
export function clock(seconds: number | undefined): string {
  if (seconds === undefined) return "–";
  const [unit, scale] = clockUnit(seconds), value = seconds / scale;
  return `${value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3)} ${unit}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items[items.length - 1]}`;
}

/** `1 seed`, `2 seeds`. */
export function counted(count: number, what: string): string {
  return `${whole(count)} ${what}${count === 1 ? "" : "s"}`;
}

/** `1, 2, 3, 7` as `1–3 and 7`. */
export function ranges(numbers: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const n of numbers) {
    const run = runs[runs.length - 1];
    if (run && n === run[1] + 1) run[1] = n;
    else runs.push([n, n]);
  }
  return listed(runs.flatMap(([a, b]) => b > a + 1 ? [`${a}–${b}`] : b > a ? [`${a}`, `${b}`] : [`${a}`]));
}
