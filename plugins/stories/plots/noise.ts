import type { Plot } from "../plot.ts";

/** A strange sound in the night is looked for by two, and turns out to be something small. */
export const noise: Plot = {
  name: "noise",
  cases: [
    [
      {
        sound: "tap, tap, tap",
        from: "window",
        is: `It was only a branch. The wind made it knock.`,
        act: `They tied the branch back with a piece of string.`,
      },
      {
        sound: "scratch, scratch",
        from: "door",
        is: `It was a little kitten, cold and wet.`,
        act: `They dried the kitten with a towel and gave it warm milk.`,
      },
      {
        sound: "hoo, hoo",
        from: "tree",
        is: `It was a young owl that had lost its way.`,
        act: `They waited with the little owl until its mother called from far away, and it flew to the sound.`,
      },
      {
        sound: "drip, drop, drip",
        from: "kitchen",
        is: `It was only water that dripped into a pot.`,
        act: `They put a cloth into the pot, and it was quiet.`,
      },
      {
        sound: "crunch, crunch",
        from: "garden",
        is: `It was a pony that wanted to eat the carrots.`,
        act: `They led the pony home, and it got one more carrot on the way.`,
      },
      {
        sound: "clack, clack",
        from: "shed",
        is: `It was only the door of the shed. Somebody had left it open.`,
        act: `They closed it, and all was quiet.`,
      },
      {
        sound: "bump, bump",
        from: "cupboard",
        is: `It was a bag with a hole, and nuts fell out of it, one by one.`,
        act: `They ate some of the nuts and put the others into a bowl.`,
      },
      {
        sound: "squeak, squeak",
        from: "yard",
        is: `It was the wheel of an old cart that turned in the wind.`,
        act: `They put a drop of oil on the wheel, and it was quiet.`,
      },
    ].map((thing) => ({ ...thing, wanted: thing.from })),
    ["ghost", "dragon", "robber", "giant", "witch", "wolf"].map((guess) => ({ guess })),
  ],
  paragraphs: [
    [
      [`{opening}`],
      [`{liked}`],
      [
        `{night}, {friend} stayed with {him}. They lay in the dark and told each other stories.`,
        `{night}, {hero} could not sleep. {Friend}, who was visiting, could not sleep, either.`,
        `{night}, {hero} and {his} friend {pal} slept side by side in front of the stove.`,
      ],
    ],
    [
      [
        `Suddenly there was a sound. It went {sound}.`,
        `"Did you hear that?" asked {pal}. It went {sound}.`,
        `All was quiet. Then they heard it. {Sound}!`,
      ],
      [
        `"It comes from the {from}," whispered {pal}. "[What is it|What can it be]?"`,
        `"[What is that|Who is that]?" whispered {pal}. "I do not know," said {hero}. "It comes from the {from}."`,
      ],
      [
        `{hero} thought of {a guess}, and they [pulled the blanket up|moved closer together].`,
        `{pal} thought of {a guess} with [long teeth|big eyes].`,
        `{hero} [shook|held {his} breath]. "It must be {a guess}," {he} said. "[A big|A hungry] one."`,
      ],
      [`They [waited|lay still], but it did not stop. It went {sound}.`, `Then it came again, and louder.`, ``],
    ],
    [
      [
        `"[Let us go and see|We have to look]," said {hero}. "Together?" asked {pal}. "Together," said {hero}.`,
        `"[If we do not look, we will never know|We cannot lie here all night]," said {hero}, and {he} stood up.`,
        `{hero} was afraid, but {he} wanted to know. "Will you come with me?" {he} asked. {pal} nodded.`,
      ],
      [
        `They took a lantern and went to the {from}, one step at a time.`,
        `They held on to each other and went to the {from} on the tips of their toes.`,
        `{hero} took a lantern, {pal} took a spoon, and so they went to the {from}.`,
      ],
      [
        `{hero} counted to three and held up the light. {is}`,
        `They looked, and then they had to laugh. {is}`,
        `There was no {guess}! {is}`,
      ],
    ],
    [
      [`{act}`],
      [
        `"[Good night, {guess}|What {a guess}]," said {pal}, and they laughed.`,
        `"And we thought it was {a guess}," said {hero}.`,
        ``,
        `They laughed so loudly that {elder} woke up, and they had to tell the whole story.`,
      ],
      [
        `After that, they were not afraid when they heard something from the {from}.`,
        `Then they went back to bed, and nothing from the {from} could wake them up.`,
        `And from then on, the {from} was just {a from}, even in the dark.`,
      ],
    ],
  ],
};
