import type { Plot } from "../plot.ts";

/** Two friends want the same thing, break it, and make up. */
export const quarrel: Plot = {
  name: "quarrel",
  cases: [
    [
      {
        toy: "kite",
        thing: "{color} kite",
        harm: "The kite tore [in two|right down the middle]",
        mend: "with paper and glue",
        use: "flew it high over {area}",
      },
      {
        toy: "drum",
        thing: "{color} drum",
        harm: "The drum fell on a stone and got a [big|deep] hole",
        mend: "with a piece of soft leather",
        use: "played until everyone came out to dance",
      },
      {
        toy: "wagon",
        thing: "{color} wagon",
        harm: "One wheel came off and rolled away",
        mend: "with a [long|strong] nail",
        use: "pulled each other up and down the path",
      },
      {
        toy: "boat",
        thing: "[toy|wooden] boat",
        harm: "The mast of the boat [broke|snapped] in two",
        mend: "with a straight stick and some string",
        use: "let it sail in a big puddle",
      },
      {
        toy: "book",
        thing: "[big|thick] book of stories",
        harm: "Three pages fell out into the mud",
        mend: "with a soft cloth and some glue",
        use: "read it from the first page to the last",
      },
      {
        toy: "ball",
        thing: "{color} ball",
        harm: "The ball rolled into a thorn bush and went flat",
        mend: "with a small patch",
        use: "threw it back and forth",
      },
      {
        toy: "puppet",
        thing: "puppet with {a color} hat",
        harm: "One arm of the puppet came off",
        mend: "with a needle and thread",
        use: "made a little show for everyone",
      },
      {
        toy: "basket",
        thing: "[round|pretty] basket",
        harm: "The handle of the basket broke off",
        mend: "with a piece of rope",
        use: "filled it with flowers",
      },
    ].map((thing) => ({ ...thing, wanted: thing.toy })),
    [
      {
        turn:
          `{He} thought [for a long time|about it all evening]. "[A {toy} is|It was] only a {toy}, but a friend is ` +
          `[much more|a treasure]," {he} thought.`,
        sorry:
          `[The next day|The next morning] {he} went to {pal}. "I am sorry[ that I pulled| that I was so mean|]," ` +
          `said {hero}. "I am sorry, too," said {pal}.`,
      },
      {
        turn: `"Why are you so quiet?" asked {elder}. {hero} told everything. "[Would you rather|Do you want to] be ` +
          `right or have a friend?" asked {elder}.`,
        sorry: `{hero} knew the answer. {He} ran to {pal}. "I am sorry," {he} said. "I am sorry, too," said {pal}.`,
      },
      {
        turn: `Then there was a [soft|quiet] knock at the door. It was {pal}, with [a cookie|an apple|a flower] in ` +
          `{phis} {hand}.`,
        sorry: `"I am sorry[ that I pulled| that I was mean|]," said {pal}. "I am sorry, too," said {hero}, and ` +
          `{he} smiled.`,
      },
      {
        turn:
          `"I will [say sorry|make peace]," {he} thought, and {he} went out. [Halfway there|On the path] {he} met ` +
          `{pal}, who was coming to see {him}!`,
        sorry: `"I am sorry!" they said at the same time. Then they both [began to laugh|had to laugh].`,
      },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [
        `{His} best friend was {a palkind} named {pal}[, and they played together every day|].`,
        `{He} had a good friend, {a palkind} named {pal}.`,
        `{He} and {his} friend {pal} [played together every day|were always together].`,
      ],
    ],
    [
      [
        `{one} {hero} and {pal} found {a thing} {spot}.`,
        `{one} {elder} gave the two friends {a thing}.`,
        `{one} {hero} and {pal} were playing with {a thing} {at}.`,
        `{one} the two friends saw {a thing} {spot}.`,
      ],
      [
        `"[I will|I want to] have it first," said {hero}. "No, [it is my turn|me first|give it to me]!" said {pal}.`,
        `"The {toy} is mine!" [said|cried] {pal}. "No, it is mine!" [said|cried] {hero}.`,
        `{hero} wanted the {toy}, and {pal} wanted it, too. "[Let go|Give it to me]!" they both cried.`,
      ],
      [
        `They pulled and pulled. {Harm}.`,
        `They both pulled as hard as they could. {Harm}.`,
        `{hero} pulled on one side, and {pal} pulled on the other. {Harm}.`,
      ],
      [
        `"[Look what you did|That was you]!" cried {pal}. [They both went home angry.|They went home without ` +
        `another word.]`,
        `"That is your fault!" said {hero}. "No, it is yours!" said {pal}. They both went home angry.`,
      ],
    ],
    [
      [
        `At home, {hero} tried to play alone, but it was [no fun|not the same].`,
        `{hero} sat by the window. [It was much too quiet.|{He} missed {pal}.]`,
        `{hero} was angry at first. Then {he} was only sad.`,
        ``,
      ],
      [`{turn}`],
      [`{sorry}`],
    ],
    [
      [
        `[Together|Side by side] they mended the {toy} {mend}. Then they {use}.`,
        `They sat down together and mended the {toy} {mend}. [Soon|After that] they {use}.`,
        `"[Let us mend|We can mend] the {toy}," said {pal}. They did it {mend}, and then they {use}.`,
      ],
      [
        `From that day on, they always took turns.`,
        `The {toy} did not look new anymore, but to them it looked [better than before|just right].`,
        `And when they wanted the same thing again, they [smiled and took turns|laughed and shared it].`,
        `{hero} and {pal} had learned that it is better to share than to win.`,
      ],
    ],
  ],
};
