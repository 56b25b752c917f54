import type { Plot } from "../plot.ts";

/** A present has to be found without a coin; what comes from the heart is the best one. */
export const present: Plot = {
  name: "present",
  cases: [
    [
      { time: "morning", who: "{elder}", bond: `{He} loved {elder} very much.` },
      { time: "morning", who: "{pal}", bond: `{His} best friend was {a palkind} named {pal}.` },
    ],
    [
      { first: `{He} picked flowers, but by noon they [hung their heads|were dry].` },
      { first: `{He} baked a cake, but it came out as black as coal.` },
      { first: `{He} made a cup out of clay, but it broke when it was dry.` },
      { first: `{He} painted a picture, but {he} knocked over the water, and the colors ran.` },
      { first: `{He} tried to knit a hat, but it came out as big as a tent.` },
    ],
    [
      {
        wanted: "song",
        idea: `{He} heard a bird sing. "I can make up a song," thought {hero}.`,
        make: `{He} sat {spot} and hummed until the song was ready.`,
        give:
          `In the evening {he} stood up and sang the song. [It was about all their good days.|It was short, but it ` +
          `was full of love.]`,
        last: `They sang the song every year on that day.`,
      },
      {
        wanted: "story",
        idea: `{He} looked at {his} books. "I can write a story," thought {hero}.`,
        make: `{He} wrote until {his} {hand} hurt. It was a story about two friends who sailed around the world.`,
        give:
          `In the evening {he} read the story out loud. [Nobody made a sound until the end.|Everyone wanted to hear ` +
          `it again.]`,
        last: `The story was read so often that they all knew it by heart.`,
      },
      {
        wanted: "box",
        idea: `{He} found an old wooden box. "I can fill it with good things," thought {hero}.`,
        make: `{He} put in a white stone, a feather, a snail shell and a dry leaf. Each one was from a day they had ` +
          `spent together.`,
        give: `In the evening {he} held out the box. They took out one thing after the other and remembered every day.`,
        last: `The box stood by the window for many years, and it got fuller and fuller.`,
      },
      {
        wanted: "lantern",
        idea: `{He} found an empty jar and some thin {color} paper. "I can make a lantern," thought {hero}.`,
        make: `{He} cut out little stars and glued them on. {He} put a candle in it.`,
        give: `In the evening {he} lit the lantern, and [stars danced on the walls|the whole room was full of stars].`,
        last: `And on dark nights, the lantern stood in the window and shone.`,
      },
      {
        wanted: "bench",
        idea: `{He} found two logs and a board. "I can make a bench," thought {hero}.`,
        make: `{He} washed the board, put it on the logs and painted it {color}.`,
        give: `In the evening they sat down on the bench, side by side, and watched the sun go down.`,
        last: `From then on, the bench was where they sat and told each other about their day.`,
      },
      {
        wanted: "soup",
        idea: `{He} looked into the kitchen. There were a few carrots and beans. "I can make a soup," thought {hero}.`,
        make: `{He} cut and cooked and tasted until it was good.`,
        give: `In the evening there was a bowl of hot soup on the table. [It smelled so good.|They ate it all.]`,
        last: `They made that soup together every year.`,
      },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [`{bond}`],
      [
        `{one} {hero} remembered that it was {who}'s birthday.`,
        `{one} it was {who}'s birthday.`,
      ],
    ],
    [
      [
        `"I need a present," said {hero}. But {he} did not have one coin.`,
        `{hero} wanted to give {who} a present, but {he} had no money.`,
        `"[What can I give|What would be a good present]?" {hero} asked {self}. {He} had no money at all.`,
      ],
      [`{first}`],
      [
        `"[Oh no|Oh dear]!" said {hero}. "[Now I have nothing|It is no good]."`,
        `{hero} [wanted to give up|sat down and sighed].`,
        `The hours went by, and {hero} had nothing.`,
        ``,
      ],
    ],
    [[`Then {he} had an idea.`, ``, `But {he} did not give up.`], [`{idea}`], [`{make}`]],
    [
      [`{give}`],
      [
        `"[That is the best present I ever had|I never had a better present]," said {who}.`,
        `{Who} hugged {him} for a long time. "You made it for me," said {who}.`,
        `"It did not cost anything," said {hero}. "[It is worth more than gold|I love it]," said {who}.`,
      ],
      [`{last}`],
      [
        `The best present comes from the heart.`,
        `{hero} had learned that you do not need money to give something.`,
        ``,
      ],
    ],
  ],
};
