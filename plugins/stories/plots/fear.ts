import type { Plot } from "../plot.ts";

/** Something frightening has to be done for somebody else, and turns out not to be so bad. */
export const fear: Plot = {
  name: "fear",
  cases: [[
    {
      wanted: "dark",
      fear: "the dark",
      time: "evening",
      sky: "quiet",
      air: "The first stars were out.",
      why: `When the lamp went out, {he} [hid under the blanket|saw a monster in every corner].`,
      event:
        `{one} {friend} came to the door. "My kitten ran into the old shed, and it is dark in there!" said {pal}. ` +
        `"[Will you help me|Can you help me]?"`,
      push: `Then a tiny cry came from the shed. "The kitten is more afraid than I am," thought {hero}.`,
      step: `{He} [took a deep breath|held on to {pal}] and went in, one step at a time[, counting every step|].`,
      find:
        `Soon {his} eyes could see a little. There was no monster. There was only an old chair, and behind it sat ` +
        `the kitten.`,
      after: `{later} {hero} put out the lamp {self}. The dark was [soft and quiet|only the day with its eyes closed].`,
      later: "That night",
    },
    {
      wanted: "thunder",
      fear: "thunder",
      sky: "gray",
      air: "Dark clouds hung over {area}.",
      why: `When it thundered, {he} [hid under the table|put {his} {hand}s over {his} ears].`,
      event:
        `{one} {friend} came to visit. Then it began to rain, and [boom went the thunder|the thunder began]. {pal} ` +
        `started to cry.`,
      push: `{hero} wanted to hide, too. But {he} saw how {pal} was shaking. "I must help {phim}," {he} thought.`,
      step: `{He} took a [pot|pan] and a spoon. Each time it thundered, {he} played along and [laughed|sang]. Soon ` +
        `{pal} did it, too.`,
      find:
        `They were so loud that they [almost forgot the storm|forgot to be afraid]. Then the clouds went away, and ` +
        `there was a rainbow over {area}.`,
      after: `[After that|From then on], thunder was only a big drum in the sky.`,
    },
    {
      wanted: "bridge",
      fear: "the old bridge",
      why: `It was [long and high|old and high], and it shook in the wind.`,
      event: `{one} {elder} said, "Our old neighbor on the other side of the bridge is ill. Please take this ` +
        `[soup|bread] over."`,
      push:
        `{hero} stood in front of the bridge for a long time. But {he} thought of the old neighbor, who was [hungry ` +
        `and alone|waiting].`,
      step:
        `"[Do not look down|Look at the other side]," {he} told {self}. {He} held on and put one foot in front of ` +
        `the other.`,
      find:
        `Step by step {he} went, and then {he} was there! The old neighbor [smiled|was so glad] and gave {him} [a ` +
        `sweet pear|a warm cake|a red apple] to thank {him}.`,
      after:
        `On the way back, {hero} [even stopped|stopped] in the middle of the bridge to [look at the fish|wave at ` +
        `the ducks].`,
    },
    {
      wanted: "dog",
      fear: "the big dog next door",
      why: `It had [long teeth|a loud voice], and it barked at everyone.`,
      event:
        `{one} {hero} heard a strange sound. It was the dog. It did not bark. It [lay by the gate and cried|held up ` +
        `one foot and cried].`,
      push: `{He} wanted to run away. But the dog looked so sad. "Maybe it needs help," {he} thought.`,
      step: `{He} went closer, very slowly, and [talked|spoke] in a soft voice. There was a thorn in the dog's foot.`,
      find:
        `{hero} pulled, and out came the thorn. The dog [jumped up|stood still] and [licked {his} nose|licked {him} ` +
        `from ear to ear]!`,
      after: `After that the dog waited at the gate every morning, and {hero} [always stopped to say hello|was not ` +
        `afraid of it anymore].`,
    },
    {
      wanted: "tree",
      fear: "high places",
      why: `Even on a chair {his} knees shook.`,
      event:
        `{one} {hero} found a baby bird in the grass. It had fallen out of its nest, and the nest was high up in a ` +
        `tree.`,
      push:
        `{He} looked for help, but [nobody was there|there was nobody around]. The baby bird called for its mother. ` +
        `"[I must try|I have to try]," said {hero}.`,
      step: `{He} put the bird into {his} hat and climbed, branch by branch. {He} did not look down.`,
      find:
        `At the top {he} put the baby bird into its nest. Then {he} looked around. From the tree {he} could see all ` +
        `of {area}, and it was beautiful.`,
      after:
        `From that day on, {hero} often climbed the tree, and the birds [sang for {him}|came to sit beside {him}].`,
    },
    {
      wanted: "sing",
      fear: "standing in front of people",
      why: `Alone {he} could sing like a bird, but when someone looked, not one sound came out.`,
      event:
        `{one} there was a big feast. {His} friend {pal} was going to sing, but {phis} throat hurt. "Please sing ` +
        `for me, {hero}," {pal} whispered.`,
      push: `{hero}'s knees shook. But it was such a beautiful song. "I will do it for you," said {hero}.`,
      step:
        `{He} stood up and looked only at {pal}. {pal} smiled and nodded. Then {hero} began to sing, [very quietly ` +
        `at first|softly at first].`,
      find:
        `The song grew [louder and louder|stronger and stronger]. When it was over, everyone [clapped|stood up and ` +
        `clapped].`,
      after: `[After that|From then on], {hero} liked to sing for everyone who wanted to listen.`,
    },
    {
      wanted: "water",
      fear: "deep water",
      why: `When the others swam, {he} [stayed on dry ground|only watched].`,
      event:
        `{one} {friend} sat down beside {him}. "I can teach you to swim," said {pal}. "[We will go slowly|I will ` +
        `hold you]."`,
      push:
        `{hero} shook {his} head. "What if you let go?" {he} asked. "I will stay right beside you," said {pal}. "[I ` +
        `promise|You can trust me]."`,
      step:
        `First {he} put in only {his} toes. Then {he} went in up to {his} knees. Then {he} lay down on the water, ` +
        `and {pal} held {him}.`,
      find: `{He} kicked and kicked. "You are swimming!" called {pal}. "I let go long ago!" And it was true.`,
      after: `[After that|From then on], {hero} and {pal} were in the water every [warm|sunny] day.`,
    },
  ]],
  paragraphs: [
    [
      [`{opening}`],
      [`{liked}`],
      [
        `There was only one thing {he} was afraid of: {fear}. {why}`,
        `But {hero} was afraid of {fear}. {why}`,
        `{He} was not afraid of much, but {he} was afraid of {fear}. {why}`,
        `Nobody knew that {hero} was afraid of {fear}. {why}`,
      ],
    ],
    [
      [`{event}`],
      [
        `{hero} felt {his} heart beat [fast|hard].`,
        `{hero} thought, "I cannot do it."`,
        ``,
      ],
      [`{push}`],
    ],
    [[`{step}`], [`{find}`]],
    [
      [
        `"[I did it|I really did it]!" [cried|said] {hero}.`,
        `"I was afraid, but I did it!" said {hero}.`,
        `"[How brave you are|You are so brave]!" said {elder} when {hero} told the story.`,
        `{hero} [felt|was] very proud.`,
        ``,
      ],
      [`{after}`],
      [
        `To be brave is to be afraid and to do it anyway.`,
        `{hero} had learned that a fear gets smaller when you walk up to it.`,
        `[Sometimes|Often] a thing looks bigger from far away.`,
        ``,
        ``,
      ],
    ],
  ],
};
