import type { Facts } from "../grammar.ts";
import type { Plot } from "../plot.ts";

const kept: Facts = {
  choice: `[{hero} wanted to stay.|{He} wanted to stay so much.] But then {he} thought of {his} promise. "I gave my ` +
    `word," {he} said, and {he} [went on|turned away].`,
  deed: `{keep}`,
  turn: `"You kept your promise," said {who}. "[I knew I could trust you|That makes me very glad]."`,
  result: `[Later|When everything was done], {hero} went back. {Late}`,
};
const broken: Facts = {
  choice:
    `{hero} smiled. "Only for a moment," {he} said. But {he} stayed [and stayed|for a long, long time]. When {he} ` +
    `[looked up|thought of {his} promise], the sun was low.`,
  deed: `{hero} ran as fast as {he} could, but it was too late. {fail}`,
  turn:
    `"I [broke my promise|forgot my promise], and I am sorry," said {hero}. "[Being sorry is a good start|Thank you ` +
    `for telling the truth]," said {who}. "Now let us make it right."`,
  result: `{mend}`,
};

/** Something is promised, something else looks like more fun, and the promise is kept or broken. */
export const promise: Plot = {
  name: "promise",
  cases: [
    [
      {
        wanted: "garden",
        ask: `{elder} said, "Please water the garden today. [The plants are thirsty|It has not rained for days]."`,
        who: "{elder}",
        way: "to get water from the well",
        keep: `{He} carried water from the well and gave every plant a drink.`,
        fail: `The flowers in the garden hung their heads, and the leaves were dry.`,
        mend: `They carried water until the stars came out. By morning the garden was green again.`,
        end: `After that, {hero} looked after the garden every day.`,
      },
      {
        wanted: "hens",
        ask: `{elder} said, "Please feed the hens, and do not forget to close the gate."`,
        who: "{elder}",
        way: "to feed the hens",
        keep: `{He} fed the hens, counted them all and closed the gate.`,
        fail: `The gate stood open, and the hens were gone.`,
        mend:
          `They looked behind every bush until they had found all the hens. It was dark when the last one was home.`,
        end: `From then on, {hero} counted the hens every evening.`,
      },
      {
        wanted: "bread",
        ask:
          `{elder} said, "Please take this bread to our old neighbor. [Our neighbor has nothing to eat|Go while it ` +
          `is still warm]."`,
        who: "the old neighbor",
        way: "to the old neighbor with the bread",
        keep: `{He} knocked at the neighbor's door, and the bread was still warm.`,
        fail: `The bread was hard and cold, and the old neighbor had waited all day.`,
        mend: `They made soup out of the hard bread and ate it together. It was better than {hero} had thought.`,
        end: `From then on, {hero} brought the neighbor fresh bread every week.`,
      },
      {
        wanted: "fence",
        ask: `{friend} asked, "Will you help me paint my fence today? [It is a long fence|I cannot do it alone]."`,
        who: "{pal}",
        way: "to {pal} and the fence",
        keep: `{He} took a brush, and together they painted the whole fence {color}.`,
        fail: `{pal} had painted all alone, and {phe} was so tired that {phe} could not stand.`,
        mend: `The next day {hero} got up early and painted the other side of the fence all alone.`,
        end: `Each time they walked past the {color} fence, they [smiled at each other|waved at it].`,
      },
      {
        wanted: "supper",
        ask:
          `{elder} said, "Please be home in time for supper. [We will have guests|There will be your favorite soup]."`,
        who: "{elder}",
        way: "home to supper",
        keep: `{He} came through the door just when supper was ready.`,
        fail: `Supper was cold, and {elder} had looked for {him} everywhere.`,
        mend: `They warmed up the supper, and {hero} washed every plate.`,
        end: `From then on, {hero} was always home in time for supper.`,
      },
      {
        wanted: "show",
        ask: `{friend} asked, "Will you come to my puppet show today? I need [you|somebody] to hold the light."`,
        who: "{pal}",
        way: "to {pal}'s puppet show",
        keep: `{He} held the light, and the puppets danced. Everyone clapped.`,
        fail: `The show was over. Without a light, nobody had seen the puppets.`,
        mend: `They did the show once more that night, and {hero} held the light and did not move.`,
        end: `After that, {hero} held the light at every show.`,
      },
    ],
    [
      {
        lure: `a band was coming down the road with drums and flutes`,
        late: `the band was still playing, and {he} danced.`,
      },
      { lure: `some friends were playing with a ball`, late: `the others let {him} play with them.` },
      { lure: `somebody was blowing big soap bubbles`, late: `there were still bubbles, and {he} chased every one.` },
      { lure: `a big {color} balloon was about to go up`, late: `the balloon was just going up, and {he} saw it fly.` },
      { lure: `somebody was telling a long story about a dragon`, late: `the story began once more, just for {him}.` },
      { lure: `the others were having a race`, late: `there was one more race, and {he} ran, too.` },
    ],
    [kept, broken],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [`{one} {ask}`],
      [
        `{hero} nodded. "I promise," {he} said.`,
        `{hero} said, "[I will. I promise|Yes, I promise]."`,
        `{hero} promised it, and {he} meant it.`,
      ],
    ],
    [
      [
        `[Soon|Later] {hero} was on {his} way {way}. Then {he} stopped. {Lure}.`,
        `{hero} was on {his} way {way} when {he} [stopped|stood still]. {Lure}.`,
        `But on the way {way}, {lure}.`,
      ],
      [
        `[How much fun it was|How nice it looked]!`,
        `It looked like [so much|a lot of] fun.`,
        ``,
        `"Come here!" somebody called. "[Stay with us|Stay a little]!"`,
      ],
      [`{choice}`],
    ],
    [[`{deed}`], [`{turn}`]],
    [
      [`{result}`],
      [`{end}`],
      [
        `A promise is a small word, but it is [a big thing|worth a lot].`,
        `{hero} had learned that others count on a promise.`,
        `And when {he} said, "I promise," everyone knew that {he} meant it.`,
        ``,
        ``,
      ],
    ],
  ],
};
