import type { Plot } from "../plot.ts";

/** A seed is planted and needs more patience than there is at first. */
export const seed: Plot = {
  name: "seed",
  cases: [
    [
      { plant: "pumpkin", fruit: "a pumpkin as big as a wheel", share: "made pumpkin soup for everyone" },
      {
        plant: "sunflower",
        fruit: "a sunflower that was taller than the {house}",
        share: "gave the seeds to the birds",
      },
      {
        plant: "bean",
        fruit: "a bean plant full of long green beans",
        share: "cooked a big pot of beans for everyone",
      },
      { plant: "strawberry", fruit: "a strawberry plant full of sweet red berries", share: "ate them with cream" },
      { plant: "tomato", fruit: "a tomato plant full of round red tomatoes", share: "gave one to each neighbor" },
      { plant: "melon", fruit: "a melon as round as the moon", share: "cut it into many pieces, one for each friend" },
      { plant: "pea", fruit: "a pea plant full of fat green peas", share: "ate them right out of the shell" },
      {
        plant: "rose",
        fruit: "a rose that could be smelled from far away",
        share: "asked all the neighbors to come and see",
      },
    ].map((thing) => ({ ...thing, wanted: thing.plant })),
    [
      {
        haste: `{hero} wanted to dig up the seed to see if it was growing.`,
        stop: `"[Stop|Wait]!" said {pal}. "A seed needs to sleep in the dark."`,
      },
      {
        haste: `"It does not work," said {hero}. {He} wanted to give up.`,
        stop: `"[Wait|Do not do that]," said {pal}. "You just cannot see it yet."`,
      },
      {
        haste: `{hero} shouted at the seed. "[Grow|Come out]! Come on!" But the seed did not listen.`,
        stop: `{pal} laughed. "It needs water, sun and time," {phe} said.`,
      },
      {
        haste: `{hero} gave it so much water that there was a little lake.`,
        stop: `"[That is too much|Not so much]," said {pal}. "A little every day is better."`,
      },
    ],
    [
      {
        danger: `a snail came to eat the first green leaves`,
        save: `{hero} picked it up and carried it far away to a [big bush|patch of weeds].`,
      },
      {
        danger: `a storm came and bent the little plant to the ground`,
        save: `{hero} put a stick beside it and tied it with soft string, and it stood up.`,
      },
      {
        danger: `no rain fell for three weeks, and the leaves got dry`,
        save: `{hero} carried water from the well, morning and evening, until the rain came back.`,
      },
      {
        danger: `weeds grew all around the little plant and took its light`,
        save: `{hero} pulled them out, one by one, until the plant stood in the sun again.`,
      },
      {
        danger: `a hungry goose looked over the fence`,
        save: `{hero} built a little wall of sticks around the plant and gave the goose some bread.`,
      },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [
        `{one} {elder} gave {him} {a plant} seed. "It is small, but there is something big in it," said {elder}.`,
        `{one} {he} found {a plant} seed in an old bag. "I will plant it," {he} said.`,
        `{one} a bird dropped a seed at {his} feet. "That is {a plant} seed," said {elder}. "You can grow it."`,
      ],
      [
        `{hero} and {his} friend {pal} dug a small hole behind the {house}, put the seed in it and watered it.`,
        `{Friend} helped {him} to put the seed into the warm earth. Then they watered it.`,
      ],
    ],
    [
      [
        `Then {he} sat down and waited. Nothing happened.`,
        `{He} looked at it every [morning|evening]. [Nothing happened.|There was nothing to see.]`,
        `A day went by, and then a week. [There was nothing to see.|Nothing happened.]`,
      ],
      [`{haste}`],
      [`{stop}`],
      [`So {hero} waited.`, `So {hero} learned to wait.`, ``],
    ],
    [
      [
        `Then, one morning, something green came out of the ground!`,
        `And one day there it was: a tiny green leaf! {hero} [danced around it|called everyone to see it].`,
        `At last the earth opened, and a little green plant looked out. "[Hello|Good morning], little one," said ` +
        `{hero}.`,
      ],
      [`But then {danger}.`, `A week later {danger}.`],
      [`{save}`],
    ],
    [
      [
        `All summer long it grew and grew, and in the end there was {fruit}.`,
        `It grew taller every day, and when summer was almost over, there was {fruit}.`,
        `[After many weeks|At the end of the summer], there was {fruit}!`,
      ],
      [
        `{hero} and {pal} {share}.`,
        `Then {hero} and {pal} {share}.`,
      ],
      [
        `{hero} kept one seed for the next spring.`,
        `{hero} had learned that good things need time.`,
        ``,
        ``,
        `"I am glad that I waited," said {hero}, and {pal} laughed.`,
        `And the next spring, {he} did not shout or dig. {He} waited and smiled.`,
      ],
    ],
  ],
};
