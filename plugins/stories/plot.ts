import type { Facts } from "./grammar.ts";

/** A kind of story. */
export interface Plot {
  /** Which. */
  readonly name: string;
  /**
   * One record of each list is drawn, and its facts hold for the whole story. Facts of a later list replace those of an
   * earlier one, and all of them those of {@linkcode castStory}. One is `wanted`: a word that has to occur in the first
   * half and in the last paragraph.
   */
  readonly cases: readonly (readonly Facts[])[];
  /** Paragraphs of beats. Of each beat one alternative is told; an empty one leaves it out. */
  readonly paragraphs: readonly (readonly (readonly string[])[])[];
}
