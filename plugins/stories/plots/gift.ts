import type { Plot } from "../plot.ts";

/** Coins are earned for a thing in a shop, and given away to somebody who needs them more. */
export const gift: Plot = {
  name: "gift",
  cases: [
    [
      { toy: "drum", thing: "{color} drum", dream: "to play it all day" },
      { toy: "kite", thing: "{color} kite", dream: "to fly it over {area}" },
      { toy: "flute", thing: "silver flute", dream: "to play songs on it" },
      { toy: "sled", thing: "{color} sled", dream: "to ride on it in the winter" },
      { toy: "clock", thing: "clock with a tiny bird in it", dream: "to hear the bird sing every hour" },
      { toy: "lantern", thing: "{color} lantern", dream: "to see its light at night" },
      { toy: "train", thing: "wooden train", dream: "to make it run under the bed" },
      { toy: "paint box", thing: "paint box with twelve colors", dream: "to paint the sea and the sky" },
      { toy: "hat", thing: "hat with {a color} feather", dream: "to wear it every day" },
    ].map((thing) => ({ ...thing, wanted: thing.toy.split(" ")[0] })),
    [
      { work: "carried water for the neighbors" },
      { work: "swept the yard of the baker" },
      { work: "washed windows" },
      { work: "picked apples" },
      { work: "gathered wood for the old miller" },
      { work: "sold berries by the road" },
    ],
    [
      {
        need: `an old man sat beside a broken cart. There was no money for a new wheel.`,
        who: `the old man`,
        back: `wrapped in brown paper`,
      },
      {
        need:
          `{he} met {friend}, who was crying. {Phe} had dropped all the eggs, and now there was nothing for supper.`,
        who: `{pal}`,
        back: `bought with the money from many eggs`,
      },
      {
        need: `an old sailor sat {spot} without a coat, and it was getting cold.`,
        who: `the old sailor`,
        back: `from a land far away`,
      },
      {
        need: `{he} saw {friend} on a ladder. {Phis} roof had a big hole in it, and rain was on its way.`,
        who: `{pal}`,
        back: `tied with {a color} ribbon`,
      },
      {
        need: `a tired toymaker sat {spot}. A storm had blown away all the tools.`,
        who: `the toymaker`,
        back: `still warm from the {hand}s that made it`,
      },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [
        `In the window of a shop, {he} saw {a thing}. {He} wanted {dream}.`,
        `{one} {hero} stopped at the window of a shop. There was {a thing}! {He} wanted {dream}.`,
        `There was a shop nearby, and in its window stood {a thing}. How {he} wanted {dream}!`,
      ],
      [
        `The {toy} cost ten coins. {hero} had only [one|two|three].`,
        `"Ten coins," said the shopkeeper. {hero} had only [one|two|three].`,
      ],
    ],
    [
      [
        `So {hero} [went to work|began to work]. {He} {work}[, and {he} saved every coin|].`,
        `"I will work for it," said {hero}. Day after day {he} {work}.`,
        `"You can work for it," said {elder}. So {hero} {work}.`,
      ],
      [
        `[After many weeks|At last] {he} had ten coins in {his} bag.`,
        `Then, one day, {he} had ten coins.`,
        `It took a long time, but then there were ten coins.`,
      ],
    ],
    [
      [
        `{hero} [ran|hurried] to the shop. But on the way {need}`,
        `{He} was almost at the shop. Then {need}`,
        `{He} set out to buy the {toy}. Then, halfway there, {need}`,
      ],
      [
        `{hero} thought of the {toy}. Then {he} thought of {who}.`,
        `It was not easy. {hero} stood still for a long time.`,
        ``,
        `{hero} wanted to walk on, but {he} could not do it.`,
      ],
      [
        `"[Take this|Here, take this]," {he} said, and {he} gave away all ten coins.`,
        `"You need this more than I do," {he} said to {who} and [held out|gave away] the coins.`,
        `{hero} held out all ten coins. "Is this really for me?" asked {who}.`,
      ],
    ],
    [
      [
        `{hero} went home without the {toy}. {His} bag was empty, but {his} heart was [warm|light].`,
        `There was no {toy} that day. But {hero} [sang|smiled] all the way home.`,
        `"Are you sad about the {toy}?" asked {elder}. "[Only a little|No, I feel good]," said {hero}.`,
      ],
      [
        `Months later there was a box in front of the door. In it lay {a thing}, {back}. It was for {hero}!`,
        `When spring came, {who} knocked at the door and held out {a thing}, {back}. "This is for you."`,
        `{He} did not have the {toy}, but {he} had a friend, and that was [better|worth more than ten coins].`,
        `The next time {he} walked past the shop, {he} looked at the {toy} and smiled. {He} knew that {he} had done ` +
        `right.`,
      ],
    ],
  ],
};
