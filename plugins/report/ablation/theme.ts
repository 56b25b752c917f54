/** A colour on a light and on a dark ground. */
type Colour = readonly [light: string, dark: string];

/** Colours of everything but arms. Each is drawn in its light form, by which {@linkcode themeStyle} finds it. */
const named = {
  ground: ["#ffffff", "#0f1419"],
  ink: ["#1f2328", "#e6e9ed"],
  muted: ["#59636e", "#9aa4af"],
  line: ["#c4cad1", "#454e59"],
  grid: ["#eaecef", "#232a32"],
} as const satisfies Record<string, Colour>;

/**
 * Blue, vermilion, green, purple, sky, orange: told apart with any colour vision. Okabe and Ito 2008,
 * https://jfly.uni-koeln.de/color/; brighter on a dark ground.
 */
const palette: readonly Colour[] = [
  ["#0072b2", "#4f9fe8"],
  ["#d55e00", "#ff8552"],
  ["#009e73", "#2fcf9f"],
  ["#b8568f", "#ec9fcb"],
  ["#3aa3dc", "#9bdcff"],
  ["#c98a00", "#f2bd3f"],
];

/** How lines of arms that share a colour differ: solid, dashed, dotted. */
export const dashes: readonly (readonly number[])[] = [[1, 0], [6, 3], [2, 2]];

/** Colours of a plot, in their light form. */
export const colours: Readonly<Record<keyof typeof named | "better" | "worse", string>> = {
  ground: named.ground[0],
  ink: named.ink[0],
  muted: named.muted[0],
  line: named.line[0],
  grid: named.grid[0],
  better: palette[0][0],
  worse: palette[1][0],
};

/** Colour and dash of an arm by its index: the base is as dark as text, the others go through the palette. */
export function armStyle(index: number): { readonly colour: string; readonly dash: number } {
  if (index === 0) return { colour: colours.ink, dash: 0 };
  const at = index - 1;
  return {
    colour: palette[at % palette.length][0],
    dash: Math.floor(at / palette.length) % dashes.length,
  };
}

/** CSS that shows plots in the reader's colours. Attributes keep the light ones, for programs without CSS. */
export function themeStyle(): string {
  const rules = [...Object.values(named), ...palette].flatMap(([light, dark]) =>
    (["fill", "stroke"] as const).map((name) => `.plot [${name}="${light}"] { ${name}: ${dark} }`)
  );
  return `@media (prefers-color-scheme: dark) {\n${rules.join("\n")}\n}`;
}

/** Custom properties of a page in the same colours. */
export function themeProperties(): { readonly light: string; readonly dark: string } {
  const all = [...Object.entries(named), ["better", palette[0]], ["worse", palette[1]]] as const;
  const of = (i: 0 | 1) => all.map(([name, colour]) => `--${name}: ${colour[i]};`).join(" ");
  return { light: of(0), dark: of(1) };
}
