import type { Plot } from "../plot.ts";

/** Something gets broken and hidden, and telling the truth makes it light again. */
export const truth: Plot = {
  name: "truth",
  cases: [
    [
      { toy: "cup", thing: "the blue cup with the gold rim", why: "It was very old" },
      { toy: "vase", thing: "the tall vase", why: "It had come over the sea" },
      { toy: "plate", thing: "the big plate with the roses", why: "It was for feast days" },
      { toy: "lamp", thing: "the green lamp", why: "It made the evenings bright" },
      { toy: "clock", thing: "the little clock", why: "It had told the time for a hundred years" },
      { toy: "teapot", thing: "the round teapot", why: "It was a present from an old friend" },
      { toy: "bowl", thing: "the white bowl", why: "Every soup tasted better in it" },
      { toy: "mirror", thing: "the little mirror", why: "It had hung there for many years" },
    ].map((thing) => ({ ...thing, wanted: thing.toy })),
    [
      { slip: `{hero} threw a ball in the house. Only once! It hit {thing}, and the {toy} fell down and broke.` },
      {
        slip: `{hero} ran through the room like the wind. {He} bumped into the table, and {thing} fell down and broke.`,
      },
      { slip: `{hero} climbed on a chair to get a cookie. {His} foot slipped, and down came {thing}. It broke.` },
      { slip: `{hero} danced around the room with {his} eyes closed. Crash! There lay {thing}, in pieces.` },
      { slip: `{hero} wanted to look at {thing} and took it down. It slipped out of {his} {hand}s and broke.` },
    ],
    [
      {
        hide: `{He} [swept up the pieces|gathered the pieces] and hid them under the bed.`,
        lie:
          `"Have you seen the {toy}?" asked {elder}. "No," said {hero}[ very quietly|, and {he} looked at the floor].`,
        guess: "the pieces under the bed",
      },
      {
        hide: `{He} put the pieces into a box and hid the box behind the stove.`,
        lie: `"Where is the {toy}?" asked {elder}. "I do not know," said {hero}, and {his} ears got hot.`,
        guess: "the box behind the stove",
      },
      {
        hide: `{He} opened the window. "I will say it was the wind," {he} thought.`,
        lie: `"What happened to the {toy}?" asked {elder}. "It was the wind," said {hero}.`,
        guess: "the open window",
      },
      {
        hide: `{He} carried the pieces outside and buried them {spot}.`,
        lie: `"The {toy} is gone," said {elder}. "Who could have taken it?" {hero} said nothing.`,
        guess: "the hole in the ground",
      },
    ],
    [
      {
        fix: `They glued the {toy} together, piece by piece. It took all evening.`,
      },
      {
        fix: `The {toy} could not be mended, so they made a new one together. It took three days.`,
      },
      { fix: `{hero} helped in the garden for two weeks, and then they bought a new {toy} together.` },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [
        `On the shelf stood {thing}. {why}, and {elder} loved it very much.`,
        `{Elder} had many things, but loved {thing} best. {why}.`,
        `"Be careful with {thing}," {elder} always said. {why}.`,
      ],
    ],
    [
      [
        `{one} {slip}`,
        `{one} {hero} had nothing to do. {slip}`,
        `{one} {hero} was home alone. {slip}`,
      ],
      [`"Oh no!" whispered {hero}.`, ``],
      [`{hide}`],
      [`{lie}`],
    ],
    [
      [
        `That night {hero} could not sleep. {He} thought of {guess} all the time.`,
        `At supper the soup did not taste good. {He} thought of {guess} all the time.`,
        `{hero} went out to play, but [nothing was fun|{he} could not laugh]. {He} thought of {guess} all the time.`,
        `Then {friend} came by. "You look so sad," said {pal}. "[Tell the truth, and you will feel better|The truth ` +
        `will help]."`,
      ],
      [
        `At last {hero} went to {elder}. "It was me," {he} said. "I broke the {toy}."`,
        `{hero} took a deep breath and went to {elder}. "I broke the {toy}, and I am sorry," {he} said.`,
        `Then {hero} could not stand it anymore. {He} ran to {elder} and told everything.`,
      ],
      [
        `{Elder} was quiet for a moment. Then came a [warm|long] hug. "Thank you for telling me the truth."`,
        `{Elder} said, "{A toy} is only {a toy}. [Your word is worth more|But the truth is worth a lot]."`,
        `{Elder} held {him} close. "I am [happy|glad] that you told me."`,
      ],
    ],
    [
      [`{fix}`],
      [
        `Now {hero} could laugh again.`,
        `How light {hero} felt! {He} slept well that night.`,
        ``,
        ``,
      ],
      [
        `And whenever {he} saw the {toy}, {he} remembered that the truth can mend a lot.`,
        `"I like this {toy} [very much|even more]," said {elder}, and {hero} smiled.`,
        `After that {he} walked past the {toy} very slowly, and {he} always told the truth.`,
      ],
    ],
  ],
};
