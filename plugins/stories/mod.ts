/**
 * Simple stories from a seeded grammar: a cast of facts that hold for the whole story, a plot of beats, and several
 * ways to tell each beat. Something small to learn from, with hundreds of millions of different stories in it.
 *
 * @module
 */
import { castStory } from "./cast.ts";
import { type Choose, expand, expansions, type Facts } from "./grammar.ts";
import type { Plot } from "./plot.ts";
import { plots } from "./plots/mod.ts";

export type { Choose, Facts, Plot };

/** A story and what it was made from. */
export interface Telling {
  /** The story: paragraphs with an empty line between them. */
  readonly text: string;
  /** What holds in it. */
  readonly facts: Facts;
  /** Its kind. */
  readonly plot: Plot;
}

/**
 * One story, of 110 to 210 words in four paragraphs. The same numbers give the same story.
 *
 * @param random Numbers in [0, 1): `createRandom(seed, "stories")`.
 */
export function story(random: () => number): string {
  return tell(random).text;
}

/** A {@linkcode story} together with its facts. */
export function tell(random: () => number): Telling {
  const choose: Choose = (n) => Math.floor(random() * n);
  const plot = plots[choose(plots.length)], facts = castPlot(plot, choose);
  const text = plot.paragraphs.map((beats) =>
    beats.map((beat) => expand(beat[choose(beat.length)], facts, choose)).filter((t) => t !== "").join(" ")
  ).join("\n\n");
  return { text, facts, plot };
}

/** The facts of one story of a plot. */
export function castPlot(plot: Plot, choose: Choose): Facts {
  return plot.cases.reduce((facts, list) => ({ ...facts, ...list[choose(list.length)] }), castStory(choose));
}

/**
 * A number of different stories that surely can be told of a plot, with all facts given: names, things, places. For
 * each beat it counts a set of texts none of which is the beginning of another. Whatever is chosen from such sets, the
 * choices can be read back from the story one after the other, so no two ways give the same story, and the number of
 * stories is the product.
 */
export function countStories(plot: Plot, facts: Facts): number {
  return plot.paragraphs.flat().reduce((product, beat) => {
    const texts = [...new Set(beat.flatMap((template) => expansions(template, facts)))].filter((t) => t !== "").sort();
    let count = 0, last: string | undefined;
    for (const text of texts) {
      if (last !== undefined && text.startsWith(last)) continue;
      last = text;
      count++;
    }
    return product * Math.max(count, 1);
  }, 1);
}
