import type { TopLevelSpec } from "vega-lite";
import { escapeMarkup } from "./markup.ts";
import type { Plot } from "./plot.ts";

/**
 * A plot as SVG, without script, fonts or anything to load; equal plots become equal bytes. With `style`, the CSS of its own
 * that a file needs; a page has one for all.
 */
export async function renderPlot({ name, title, caption, size, spec }: Plot, style?: string): Promise<string> {
  // Loaded when something is drawn: a training that reports at its end begins without waiting for it.
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")]);
  // What VegaLite's types say of a spec is thousands of lines; here it is JSON that compile() checks.
  const { spec: compiled } = compile(spec as unknown as TopLevelSpec, { logger: vega.logger(vega.Error) });
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  try {
    const svg = await view.toSVG();
    const head = `<svg${style === undefined ? "" : ' xmlns="http://www.w3.org/2000/svg"'} class="plot" role="img" ` +
      `width="${size[0]}" height="${size[1]}" viewBox="0 0 ${size[0]} ${size[1]}">` +
      `<title>${escapeMarkup(title)}</title><desc>${escapeMarkup(caption)}</desc>` +
      (style === undefined ? "" : `<style>${style}</style>`);
    return `${tidied(svg, name).replace(/^<svg[^>]*>/, () => head)}\n`;
  } finally {
    view.finalize();
  }
}

/**
 * Without roles of parts, since the picture is one for those who hear it; ids by their order, since Vega counts them from one
 * picture to the next, and with the plot's name, since they share a page.
 */
function tidied(svg: string, name: string): string {
  const ids = new Map<string, string>();
  const renamed = (id: string) => ids.get(id) ?? (ids.set(id, `${name}-${ids.size + 1}`), ids.get(id)!);
  return svg.replace(/<[^>]*>/g, (tag) =>
    tag
      .replace(/ (?:role|aria-[a-z]+)="[^"]*"/g, "")
      .replace(/(?<= id="|url\(#)[^")]*/g, renamed));
}
