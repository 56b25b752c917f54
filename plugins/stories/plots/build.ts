import type { Plot } from "../plot.ts";

const winter = { sky: "snowy", air: "Snow lay on {area}." };

/** Something is built, goes wrong alone, and works with a friend's help. */
export const build: Plot = {
  name: "build",
  cases: [[
    {
      work: "raft",
      stuff: "logs and rope",
      dream: "to float on the water like a captain",
      flaw: `The knots came loose, and the logs floated away.`,
      know: `"I know how to tie a good knot," said {pal}.`,
      fix: `{pal} tied the knots, and {hero} held the logs [together|in place].`,
      use: `The raft [floated|held]! They sat on it side by side and waved at the ducks.`,
    },
    {
      work: "swing",
      stuff: "a board and some rope",
      dream: "to fly up to the leaves of the old oak tree",
      flaw: `One side was higher than the other, and {he} slid off.`,
      know: `"Both ropes must have the same length," said {pal}. "I will hold the board."`,
      fix: `{pal} held the board, and {hero} tied the ropes again.`,
      use: `The swing was straight! They took turns and went up and down, up and down.`,
    },
    {
      work: "bird house",
      stuff: "boards and nails",
      dream: "to hear birds sing at the window",
      flaw: `The roof fell in, and the walls fell out.`,
      know: `"You need two more {hand}s," said {pal}.`,
      fix: `{pal} held the boards, and {hero} put in the nails, [one by one|one after the other].`,
      use: `They hung up the bird house. [Soon|The next day] two birds moved in, and they sang every morning.`,
    },
    {
      work: "bridge",
      stuff: "boards and stones",
      dream: "to cross the stream without getting wet",
      flaw: `The boards slid into the water with a splash.`,
      know: `"The big stones must go first," said {pal}.`,
      fix: `They [rolled|carried] the big stones into the stream and put the boards on top.`,
      use: `They walked over the bridge with dry feet, and so did all [their friends|their neighbors].`,
    },
    {
      ...winter,
      work: "sled",
      stuff: "boards and old nails",
      dream: "to race down the hill like the wind",
      flaw: `The sled went round and round and landed in the snow.`,
      know: `"One side is too short," said {pal}. "I have a better board at home."`,
      fix: `{pal} brought the board, and {hero} put it on.`,
      use: `They sat down on the sled and held on tight. Down the hill they flew, [laughing|cheering] all the way!`,
    },
    {
      work: "cart",
      stuff: "a box and four wheels",
      dream: "to ride down the hill",
      flaw: `Two wheels came off, and {he} fell into the grass.`,
      know: `"The wheels need a pin to hold them," said {pal}.`,
      fix: `{pal} cut the pins, and {hero} put the wheels back on.`,
      use: `They rode down the hill in the cart, and not one wheel came off.`,
    },
    {
      work: "scarecrow",
      stuff: "straw and old clothes",
      dream: "to keep the crows away from the corn",
      flaw: `The scarecrow fell on its face, and the crows laughed.`,
      know: `"The hole must be deep," said {pal}. "And it needs a hat!"`,
      fix: `{pal} dug a deep hole, and {hero} put the pole in it. Then they gave it {a color} hat.`,
      use: `The scarecrow stood tall, and [the crows flew away|no crow came near the corn].`,
    },
    {
      work: "hut",
      stuff: "branches and leaves",
      dream: "to have a place that was all {his} own",
      flaw: `Rain came in through the roof, and {he} got very wet.`,
      know: `"The leaves must lie close together, like feathers," said {pal}.`,
      fix: `{hero} gathered more leaves, and {pal} put them on the roof, [row by row|one by one].`,
      use: `When the rain came back, they sat in the hut, dry and warm, and told each other stories.`,
    },
    {
      ...winter,
      work: "snowman",
      stuff: "three balls of snow",
      dream: "to make one that was taller than the door",
      flaw: `The head was so heavy that it fell down and broke.`,
      know: `"One cannot lift it," said {pal}. "But two can."`,
      fix: `They rolled a new head, counted to three and lifted it up.`,
      use: `They gave the snowman a carrot for a nose and {a color} hat. It seemed to smile at them.`,
    },
  ].map((thing) => ({ ...thing, wanted: thing.work }))],
  paragraphs: [
    [
      [`{opening}`],
      [
        `More than anything, {he} wanted to build {a work}. It would be [fun|nice] {dream}.`,
        `{He} [wished|wanted] {dream}. "I will build {a work}," {he} said.`,
        `{He} had a plan. {He} wanted to build {a work}. How nice it would be {dream}!`,
      ],
    ],
    [
      [
        `{one} {hero} [looked for|gathered] {stuff} and [began to work|went to work].`,
        `{one} {hero} had everything {he} needed: {stuff}. {He} went to work at once.`,
        `{one} {hero} found {stuff} and [started to build|began to build the {work}].`,
      ],
      [
        `{Friend} came by. "[May I help|Can I help] you?" asked {pal}. "No," said {hero}. "I can do it alone."`,
        `{Friend} stopped to watch. "[Shall I help you|Do you want help]?" asked {pal}. "No," said {hero}. "It is ` +
        `my {work}."`,
        `"I could help you," said {friend}. "I do not need help," said {hero}[, and {he} did not look up|].`,
      ],
      [
        `{He} worked [hard|all day], but it was no good. {flaw}`,
        `{He} worked for a long time. But oh no! {flaw}`,
        `When {he} was done, {he} tried it. Oh no! {flaw}`,
      ],
    ],
    [
      [
        `{hero} sat down and [hung {his} head|almost cried]. "I cannot do it alone," {he} said.`,
        `{hero} [was|felt] tired and sad. {He} went to {pal}. "Will you help me now?" {he} asked.`,
        `Then {hero} thought of {pal}. It was hard to ask, but {he} did it. "[Will you|Can you] help me?" {he} said.`,
        `{pal} had not gone far. {Phe} did not laugh. {Phe} only [smiled and came back|came back to help].`,
      ],
      [`{know}`],
      [`{fix}`],
    ],
    [
      [`{use}`],
      [
        `"We built a good {work}," said {pal}. "We did it together," said {hero}.`,
        `"It is not my {work}," said {hero}. "It is our {work}." And {pal} [smiled|laughed].`,
        `{hero} looked at the {work} and then at {pal}. "[Thank you|I am glad you helped me]," {he} said.`,
        `Whenever {hero} looked at the {work} after that, {he} thought of {his} friend.`,
      ],
      [
        `Two can do what one cannot.`,
        `{hero} had learned that it is not weak to ask for help.`,
        `[And it was|It was] more fun that way.`,
        ``,
      ],
    ],
  ],
};
