import { themeProperties, themeStyle } from "./theme.ts";

/** CSS of a page: of the reader's light or dark, narrow or wide, without fonts of its own. */
export function pageStyle(): string {
  const { light, dark } = themeProperties();
  return `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box }
html { background: var(--ground); color: var(--ink); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
  -webkit-text-size-adjust: 100% }
body { max-width: 76rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
h1 { font-size: 1.75rem; line-height: 1.2; font-weight: 650; letter-spacing: -.01em; margin: 0 0 1rem }
h2 { font-size: 1.15rem; font-weight: 650; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line) }
p, li, dd { max-width: 46rem; overflow-wrap: anywhere }
p { margin: .75rem 0 }
.found { list-style: none; margin: 0; padding: 0; font-size: 1.05rem }
.found li { margin: .3rem 0 }
.note, figcaption, caption { color: var(--muted); font-size: .875rem }
dl { display: grid; grid-template-columns: minmax(6.5rem, max-content) 1fr; gap: .35rem 1.25rem; margin: 0 }
dt { font-weight: 600 } dd { margin: 0 }
.scroll { overflow-x: auto; margin: 1rem 0 }
.scroll:focus-visible { outline: 2px solid var(--better); outline-offset: 2px }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; font-variant-numeric: tabular-nums }
caption { text-align: left; padding: 0 0 .5rem }
th, td { padding: .35rem .75rem; text-align: right; vertical-align: baseline; white-space: nowrap }
th:first-child, td:first-child { padding-left: 0 }
thead th { font-weight: 600; color: var(--muted); border-bottom: 1px solid var(--line); vertical-align: bottom;
  white-space: normal }
tbody th { font-weight: 600; white-space: normal; max-width: 18rem }
tbody tr + tr > * { border-top: 1px solid var(--grid) }
.text { text-align: left }
td.text { white-space: normal; min-width: 13rem; max-width: 24rem }
.better { color: var(--better); font-weight: 600 } .worse { color: var(--worse); font-weight: 600 }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 2rem 2.5rem;
  align-items: start; margin: 1.5rem 0 }
figure { margin: 0; min-width: 0; max-width: 38rem }
figure .scroll { margin: 0 }
.plot { display: block; width: 100%; min-width: 27rem; height: auto }
figcaption { margin-top: .25rem; overflow-wrap: anywhere }
details { margin: .5rem 0 } summary { cursor: pointer; overflow-wrap: anywhere }
pre { overflow-x: auto; background: var(--grid); padding: .75rem 1rem; border-radius: 6px; font-size: .8125rem; line-height: 1.45 }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
code { font-size: .875em; overflow-wrap: anywhere } pre code { font-size: inherit; overflow-wrap: normal }
@media (max-width: 34rem) { body { padding-top: 1.5rem } dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .6rem } }
@media print { details, .plot { break-inside: avoid } }
${themeStyle()}
`;
}
