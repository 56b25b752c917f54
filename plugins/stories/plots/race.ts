import type { Plot } from "../plot.ts";

/** A contest with somebody better and louder: won by patience, or not won and better so. */
export const race: Plot = {
  name: "race",
  cases: [
    [
      { prize: "cup", aPrize: "a silver cup" },
      { prize: "ribbon", aPrize: "{a color} ribbon" },
      { prize: "bell", aPrize: "a golden bell" },
      { prize: "crown", aPrize: "a crown of flowers" },
      { prize: "pie", aPrize: "a big cherry pie" },
      { prize: "medal", aPrize: "a shiny medal" },
    ].map((thing) => ({ ...thing, wanted: thing.prize })),
    [
      {
        race: "a race to the old mill and back",
        brag: `"[I am the fastest of all|The {prize} is mine already]!" said {pal}.`,
        train: `Every day {hero} ran up the hill and down again.`,
        start: `"Ready, steady, go!" Everyone ran. {pal} was far in front, and {hero} was far behind.`,
        fall: `{pal} fell over a root and hurt {phis} foot`,
        nap: `{pal} looked back and saw nobody. {Phe} lay down in the grass and fell asleep`,
        on: `{hero} ran and ran, not fast, but without a stop`,
      },
      {
        race: "a boat race from one shore to the other",
        brag: `"[My boat is the fastest of all|The {prize} is mine already]!" said {pal}.`,
        train: `Every day {hero} rowed a little farther than the day before.`,
        start: `The horn blew, and the boats went off. {pal} was far in front, and {hero} was far behind.`,
        fall: `{pal}'s boat hit a rock, and water came in`,
        nap: `{pal} looked back and saw nobody. {Phe} put down the oars and ate a long lunch`,
        on: `{hero} rowed and rowed, not fast, but without a stop`,
      },
      {
        race: "a climb to the top of the hill",
        brag: `"[I climb better than anyone|The {prize} is mine already]!" said {pal}.`,
        train: `Every day {hero} climbed a little higher than the day before.`,
        start: `The whistle blew, and they all started to climb. {pal} was soon far above, and {hero} was the last.`,
        fall: `{pal} slid down between two rocks and could not get out`,
        nap: `{pal} looked down and saw nobody. {Phe} sat down to look at {pself} in a puddle`,
        on: `{hero} climbed and climbed, not fast, but without a stop`,
      },
    ],
    [
      {
        middle:
          `Then it happened. {Fall}. The others [went past|did not stop]. {hero} thought of the {prize}, but {he} ` +
          `stopped.`,
        act: `"[Come, I will|Let me] help you," said {hero}. They went on together, and they came in last.`,
        outcome: `Somebody else got the {prize}. But everyone clapped [longest|loudest] for {hero} and {pal}.`,
        words: `"I was so proud, and still you helped me," said {pal}.`,
        moral: `A friend is worth more than {aPrize}.`,
        last: `{hero} did not win the {prize} that day. {He} won a friend.`,
      },
      {
        middle: `[After a while|Halfway there], {nap}. "I have so much time," thought {pal}.`,
        act: `But {on}. When {pal} looked up, it was too late.`,
        outcome: `{hero} was the first to come in! {He} [got|won] the {prize}, and everyone cheered.`,
        words: `"You are not even fast," said {pal}. "I just did not stop," said {hero}.`,
        moral: `Slow and steady [is better than fast and proud|gets there, too].`,
        last: `Then {hero} shared the {prize} with {pal}, and {pal} never bragged again.`,
      },
      {
        middle: `Close to the end, they were side by side. Neither of them wanted to give up.`,
        act: `They looked at each other, and suddenly they both had to laugh. "Together?" asked {hero}. "Together!" ` +
          `said {pal}.`,
        outcome: `They came in at the very same time, and so they both won the {prize}.`,
        words: `"You are [good|strong]," said {pal}. "So are you," said {hero}.`,
        moral: `[It is fun to win|It is nice to win], but it is more fun to win with a friend.`,
        last: `They shared the {prize}, and they stayed friends.`,
      },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [
        `{one} everyone was talking about {race}. The prize was {aPrize}, and {hero} wanted it very much.`,
        `{one} {hero} heard about {race}. The prize was {aPrize}.`,
        `{one} {elder} told {him} about {race}. Whoever won would get {aPrize}.`,
      ],
    ],
    [
      [`{Friend} wanted to win, too. {brag}`, `{Friend} only laughed. {brag}`],
      [
        `{hero} said nothing. {train}`,
        `"[We will see|Maybe]," said {hero}. {train}`,
        `"Just do your best," said {elder} to {hero}. {train}`,
      ],
    ],
    [
      [`Then the [big|great] day came. {start}`, `On the day of the race, everyone came to watch. {start}`],
      [`{middle}`],
      [`{act}`],
    ],
    [[`{outcome}`], [`{words}`, ``], [`{moral}`, ``], [`{last}`]],
  ],
};
