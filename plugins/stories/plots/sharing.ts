import type { Plot } from "../plot.ts";

/** Too much is kept for oneself, gets lost, and somebody shares all the same. */
export const sharing: Plot = {
  name: "sharing",
  cases: [
    [
      { food: "berries", from: "from the bushes" },
      { food: "apples", from: "from the old tree" },
      { food: "nuts", from: "from the ground" },
      { food: "pears", from: "from the tree" },
      { food: "cherries", from: "from the tree" },
      { food: "plums", from: "from the tree behind the {house}" },
      { food: "mushrooms", from: "from the wet ground" },
    ].map((thing) => ({ ...thing, wanted: thing.food })),
    [
      { loss: `The handle of the basket broke, and the {food} rolled down the hill.` },
      { loss: `{He} could not see over the basket, fell over a stone, and all the {food} landed in the mud.` },
      {
        loss: `There was a hole in the basket, and it got bigger and bigger. When {he} looked, the basket was empty.`,
      },
      {
        loss: `{He} put the basket down to rest. Three goats came by and ate all the {food}.`,
      },
      { loss: `{He} hid the {food} {spot}. But when {he} came back, they were gone.` },
    ],
    [
      {
        back: `Later there was a knock at the door. It was {pal}. "I found a few {food}," {phe} said. "[Half of ` +
          `them are for you|Let us eat them together]."`,
        shame: `{hero} looked at the ground. "But I did not share with you," {he} said. "I like to share," said {pal}.`,
      },
      {
        back:
          `Then {he} met {pal} again. {pal} had found five {food} and held out three of them. "These are for you," ` +
          `{phe} said.`,
        shame:
          `"Why do you give me the most?" asked {hero}. "[Because you look so sad|Because you have none]," said {pal}.`,
      },
      {
        back:
          `{He} sat down and cried. {pal} heard it and came running. "[Come, we will|Let us] look for more {food} ` +
          `together," {phe} said.`,
        shame: `"I was not kind to you," said {hero}. "But you can be kind now," said {pal}.`,
      },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [
        `{one} {hero} picked {food} {from}. Soon {his} basket was full.`,
        `{one} {hero} found more {food} than {he} had ever seen. Soon {his} basket was full.`,
        `{one} {hero} went out to gather {food}. It was a good year, and soon {he} had a full basket.`,
      ],
    ],
    [
      [
        `Then {friend} came by. "[What nice {food}|So many {food}]!" said {pal}. "[May I have some|Can I have a few]?"`,
        `{Friend} stopped and looked. "I am so hungry," said {pal}. "[Will you share your {food}|May I have some ` +
        `{food}]?"`,
      ],
      [
        `But {hero} said no. "[I found them, and they are mine|They are all for me]," {he} said.`,
        `{hero} put both arms around the {food}. "[There are not enough for two|Get your own]," {he} said.`,
        `{hero} held the {food} tight. "[Maybe tomorrow|There are not enough]," {he} said.`,
      ],
      [`{pal} went away without a word.`, `{pal} [looked sad|lowered {phis} head] and went away.`],
    ],
    [
      [
        `{hero} set out for home. {loss}`,
        `On the way home, it happened. {loss}`,
        `But the {food} did not bring {him} joy. {loss}`,
      ],
      [
        `"My {food} are [gone|all gone]!" cried {hero}.`,
        `Now {hero} had nothing at all.`,
        ``,
        `Now {hero} was hungry and sad.`,
      ],
      [`{back}`],
    ],
    [
      [`{shame}`],
      [
        `They sat down side by side and ate the {food}, and they tasted better than ever.`,
        `They shared the {food}, one for you and one for me.`,
        `They made a little pie with the {food} and ate it while it was warm.`,
      ],
      [
        `From that day on, {hero} always shared.`,
        `And the next time {he} had something good, {he} went to find {pal} first.`,
        `{hero} had learned that {food} taste better when you share them.`,
        `"[Half of a lot is still a lot|There is always enough for two]," said {hero}, and {pal} laughed.`,
      ],
    ],
  ],
};
