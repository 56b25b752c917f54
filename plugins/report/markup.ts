/** Text in which nothing has to be escaped any more. */
export interface Markup {
  /** Elements and text, as they stand in a file. */
  readonly markup: string;
}

/** What {@linkcode markup} puts between its texts: strings are escaped, lists joined, `undefined` is left out. */
export type Insert = string | number | Markup | undefined | readonly Insert[];

/**
 * Text of an element or a quoted attribute of HTML, SVG and XML. Characters that XML cannot hold become U+FFFD, the sign of
 * what could not be shown.
 */
export function escapeMarkup(text: string): string {
  const held = text.toWellFormed().replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, "\ufffd");
  return held.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** A template of HTML or SVG: everything that is inserted is escaped unless it is {@linkcode Markup} itself. */
export function markup(texts: TemplateStringsArray, ...inserts: readonly Insert[]): Markup {
  return { markup: texts.map((text, i) => i ? show(inserts[i - 1]) + text : text).join("") };
}

/** Markup that was made elsewhere. */
export function asMarkup(text: string): Markup {
  return { markup: text };
}

function show(insert: Insert): string {
  if (insert === undefined) return "";
  if (Array.isArray(insert)) return insert.map(show).join("");
  return typeof insert === "object" ? (insert as Markup).markup : escapeMarkup(String(insert));
}
