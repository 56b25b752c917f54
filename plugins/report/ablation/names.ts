/** Longest label that a plot has room for, in characters. */
const LONGEST = 24;

/**
 * Names of arms for plots: `position=rope(base 500)` for `position={"type":"rope","base":500}`, cut off where they are long,
 * each different.
 */
export function shortNames(names: readonly string[]): string[] {
  const used = new Set<string>();
  return names.map((name) => {
    const plain = plainName(name);
    for (let i = 1;; i++) {
      const mark = i > 1 ? ` (${i})` : "", label = cut(plain, LONGEST - mark.length) + mark;
      if (used.has(label)) continue;
      used.add(label);
      return label;
    }
  });
}

/** At most `length` characters, the last one `…` where something is missing. */
export function cut(text: string, length: number): string {
  const characters = [...text];
  return characters.length > length ? `${characters.slice(0, length - 1).join("").trimEnd()}…` : text;
}

/** Components as a person writes them: `rope(base 500)`. */
function plainName(name: string): string {
  return name.replace(/\{"type":"(\w+)"(?:,([^{}]*))?\}/g, (_, type: string, options?: string) => {
    const list = options?.replace(/"(\w+)":/g, "$1 ").replace(/"(\w+)"/g, "$1").replaceAll(",", ", ");
    return list ? `${type}(${list})` : type;
  });
}
