import type { Plot } from "../plot.ts";

/** Somebody new is shy, and a small thing makes a beginning. */
export const newcomer: Plot = {
  name: "newcomer",
  cases: [
    [
      {
        wanted: "flute",
        sign: `{pal} took a little flute out of {phis} pocket and played a sad song.`,
        answer: `{hero} knew the song! {He} began to hum along, [very softly|very quietly].`,
        shared: `{pal} played the flute, and {hero} sang.`,
        last:
          `And when the flute was heard over {area}, everyone knew that [the two friends were there|they were happy].`,
      },
      {
        wanted: "ball",
        sign: `{A color} ball lay at {pal}'s feet, but there was nobody to throw it to.`,
        answer: `{hero} went a little closer and held up {his} {hand}s. {pal} understood and threw the ball.`,
        shared: `They threw the ball back and forth until [it was dark|their arms hurt].`,
        last: `And the {color} ball was never [alone|still] for long.`,
      },
      {
        wanted: "cookies",
        sign: `{pal} looked hungry, and {hero} had some cookies with {him}.`,
        answer:
          `{hero} put the cookies on a stone, halfway between them. "[You can have one|They are good]," {he} said.`,
        shared: `They ate the cookies together and talked until [evening|the sun went down].`,
        last: `They met [there|at the stone] every week and shared their cookies.`,
      },
      {
        wanted: "chalk",
        sign: `{pal} had a piece of {color} chalk and drew on a stone all alone.`,
        answer: `{hero} picked up another piece of chalk and drew a sun beside it. {pal} looked up and drew a bird.`,
        shared: `They drew with the chalk until the [whole wall|whole path] was full of pictures.`,
        last: `The rain washed the chalk away, but it could not wash away the friends.`,
      },
      {
        wanted: "kite",
        sign: `{pal} had {a color} kite, but it would not fly. It fell down again and again.`,
        answer: `"You hold it, and I will run," said {hero}. They ran, and the kite went up!`,
        shared: `The kite danced in the sky, and they danced below it.`,
        last: `And when the wind blew, the two friends were always out with the kite.`,
      },
      {
        wanted: "marbles",
        sign: `{pal} was playing with marbles, first with one {hand} and then with the other.`,
        answer: `{hero} put down {his} best marble, {a color} one. "[May I play, too|Can two play]?" {he} asked.`,
        shared: `They played with their marbles until it was too dark to see them.`,
        last: `At home {hero} kept all the marbles in a box, with one from {pal} on top.`,
      },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [`{liked}`],
      [
        `{one} somebody new came to live nearby, {a palkind} named {pal}.`,
        `{one} {a palkind} named {pal} moved into the empty {house} next door.`,
        `{one} there was a new face {at}. It was {a palkind} named {pal}.`,
      ],
    ],
    [
      [
        `{pal} did not [talk much|say a word] and always [sat alone|played alone].`,
        `{pal} sat all alone {spot} and [looked at the ground|did not look up].`,
        `When the others played, {pal} [only watched|stood far away].`,
      ],
      [
        `"[The new one does not like us|We do not need anyone new]," said the others.`,
        `"[Why does {phe} not talk|What is the matter with {phim}]?" the others asked.`,
        `"Maybe {phe} does not like us," said {hero}. "[Or maybe {phe} is shy|Maybe {phe} is only shy]," said {elder}.`,
        `{hero} remembered how it feels to be alone.`,
      ],
      [
        `{hero} wanted to say something, but {he} was shy, too.`,
        `{hero} did not know what to say.`,
        `"[Somebody has to begin|Somebody must go first]," thought {hero}.`,
      ],
    ],
    [
      [`The next day {hero} saw {pal} again. {Sign}`, `Then {hero} saw something. {Sign}`, `{sign}`],
      [`{answer}`],
      [
        `For the first time, {pal} smiled. "My name is {pal}," {phe} said. "I am {hero}," said {hero}.`,
        `{pal} [smiled|began to smile]. "[I thought nobody liked me|I was so alone]," {phe} said. "I thought you ` +
        `did not like us," said {hero}, and they both laughed.`,
        `"I was afraid to talk to you," said {pal}. "And I was afraid, too," said {hero}.`,
      ],
    ],
    [
      [`{shared}`],
      [
        `Soon the others came, too, and {pal} was not new anymore.`,
        `"[Will you come again tomorrow|Can we do this again]?" asked {pal}. "[Of course|Every day]," said {hero}.`,
        `From then on, they were [best|good] friends.`,
      ],
      [`{last}`],
      [
        `A friend is often only one small step away.`,
        `Somebody has to take the first step, and it is not so hard.`,
        ``,
      ],
    ],
  ],
};
