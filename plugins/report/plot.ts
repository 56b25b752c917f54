/** A plot as data: JSON of Vega-Lite, https://vega.github.io/vega-lite/docs/spec.html. */
export interface PlotSpec {
  /** As the language says. */
  readonly [key: string]: unknown;
}

/** A picture of a report. */
export interface Plot {
  /** Of its file, without ending. */
  readonly name: string;
  /** Says what it shows, in a line. */
  readonly title: string;
  /** How to read it: stands below it. */
  readonly caption: string;
  /** Width and height, in pixels. */
  readonly size: readonly [width: number, height: number];
  /** What is drawn. */
  readonly spec: PlotSpec;
}
