import type { Plot } from "../plot.ts";

/** An animal in trouble is helped, and later helps back. */
export const animal: Plot = {
  name: "animal",
  cases: [[
    {
      wanted: "bird",
      find: `a little bird {spot}. One of its wings was hurt`,
      care: `{hero} [carried it home|took it home] and made a nest out of [wool|soft cloth]. {He} fed it every day ` +
        `until the wing was well.`,
      leave: `Then the bird flew away[, high into the sky|].`,
      trouble: `{hero} got lost in thick fog. {He} could not see {his} own feet.`,
      back:
        `Then {he} heard a song that {he} knew. It was the bird! It flew from branch to branch and showed {him} the ` +
        `way home.`,
    },
    {
      wanted: "turtle",
      find: `a turtle {spot}. It lay on its back and could not get up`,
      care: `{hero} pushed and pulled until the turtle was on its feet again. Then {he} gave it [a leaf|some water].`,
      leave: `The turtle [nodded|smiled] and walked off, very slowly.`,
      trouble: `{hero} sat in a little boat, and the boat got a hole. It was far from land.`,
      back:
        `Then a round head came out of the water. It was the turtle! "[Climb|Sit] on my back," it said, and it swam ` +
        `with {him} to dry land.`,
    },
    {
      wanted: "bee",
      find: `a bee in a puddle. Its wings were wet, and it could not fly`,
      care: `{hero} put a leaf into the water, and the bee climbed on it. {He} set it in the sun to dry.`,
      leave: `[Soon|After a while] the bee flew away with a happy hum.`,
      trouble: `a big goose stood in the road and would not let {hero} go by.`,
      back:
        `Then there was a hum in the air. It was the bee! It flew around the goose's nose until the goose ran away.`,
    },
    {
      wanted: "beaver",
      find: `a young beaver {spot}. Its foot was caught in an old net`,
      care: `{hero} [sat down and opened|opened] the net, knot by knot, until the beaver was free.`,
      leave: `The beaver ran off without a word.`,
      trouble: `a tree fell down in a storm, and {hero} could not open the door anymore.`,
      back: `Then {he} heard teeth at work. It was the beaver! It bit through the tree, piece by piece, and the ` +
        `door was free.`,
    },
    {
      wanted: "fish",
      find: `a fish in a pool that was drying up. There was almost no water left`,
      care: `{hero} filled {his} hat with water, put the fish in it and ran to the river.`,
      leave: `The fish jumped once and was gone.`,
      trouble: `{hero} dropped the key to the {house} into the river. {He} could not see it in the deep water.`,
      back: `Then something shone in the water. It was the fish, with the key in its mouth!`,
    },
    {
      wanted: "firefly",
      find: `a firefly that was caught in a spider's web`,
      care: `{hero} opened the web very carefully and let the firefly rest on {his} {hand}.`,
      leave: `[Then|Soon] it flew away, and its little light got smaller and smaller.`,
      trouble: `{hero} came home late, and the path was so dark that {he} could not see it.`,
      back:
        `Then {he} saw a little light. It was the firefly, and it had brought all its friends! They lit up the path ` +
        `as bright as day.`,
    },
    {
      wanted: "goat",
      find: `a small goat {spot}. Its head was stuck in a fence`,
      care: `{hero} [spoke in a soft voice|told it not to be afraid] and bent the boards until the goat was free.`,
      leave: `The goat jumped three times and ran off.`,
      trouble: `{hero} was pulling a heavy cart, and the cart got stuck in the mud.`,
      back:
        `Then somebody pushed from behind. It was the goat! With its hard head it pushed the cart right out of the ` +
        `mud.`,
    },
    {
      wanted: "crab",
      find: `a crab in a bucket that somebody had forgotten. It could not climb out`,
      care: `{hero} turned the bucket on its side, so that the crab could get out.`,
      leave: `The crab waved with one claw and walked away sideways.`,
      trouble: `{hero}'s foot got caught in an old rope, and the water was rising.`,
      back: `Then {he} felt a tickle. It was the crab! Snip, snap, it cut the rope with its claws.`,
    },
  ]],
  paragraphs: [
    [[`{opening}`], [`{liked}`]],
    [
      [
        `{one} {he} found {find}.`,
        `{one} {hero} was walking home when {he} saw {find}.`,
        `{one} {hero} heard a tiny cry. {He} looked around and found {find}.`,
      ],
      [
        `"Please help me," [said|begged] the {wanted}.`,
        `"[Do not be afraid|Wait, I will help you]," said {hero} to the {wanted}.`,
        `"You poor thing," said {hero} to the {wanted}. "[I will help you|Let me help you]."`,
        `The {wanted} looked at {him} with sad eyes.`,
      ],
      [`{care}`],
      [
        `"Thank you," said the {wanted}. "[One day I will help you, too|I will not forget this]." {leave}`,
        `{leave} {hero} [was happy for it|waved for a long time].`,
        `"How can I thank you?" asked the {wanted}. "You do not have to," said {hero}. {leave}`,
      ],
    ],
    [
      [
        `Some [weeks|days] later, {trouble}`,
        `A [week|month] went by. Then, one evening, {trouble}`,
        `Summer came and went. Then one day {trouble}`,
      ],
      [
        `"Help!" {he} called, but [nobody came|there was nobody].`,
        `[What could {he} do?|What now?] {He} was all alone.`,
        `{He} tried everything, but nothing helped.`,
      ],
      [`{back}`],
    ],
    [
      [
        `"Thank you!" said {hero}. "You helped me first," said the {wanted}.`,
        `"You came back!" cried {hero}. "Of course I did," said the {wanted}.`,
        `"How did you find me?" asked {hero}. "I was near," said the {wanted}. "You helped me once."`,
      ],
      [
        `From that day on, {hero} and the {wanted} were [best|good] friends.`,
        `{hero} had learned that [a good deed comes back|nobody is too small to help].`,
        `And every year on that day, they had a little feast together.`,
        `And {hero} thought, "[A friend does not forget|Good friends help each other]."`,
      ],
    ],
  ],
};
