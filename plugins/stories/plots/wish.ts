import type { Plot } from "../plot.ts";

/** A wish too large comes true, makes trouble and is taken back. */
export const wish: Plot = {
  name: "wish",
  cases: [
    [
      {
        wanted: "cake",
        love: `{hero} loved cake more than anything.`,
        want: `for a cake as big as a house`,
        true: `a cake stood there, as big as a house, with [cream|berries] on top.`,
        joy: `{He} ate and ate until {he} could eat no more.`,
        bad: `{His} belly hurt, and ants came from everywhere.`,
        now: `a small piece of cake on Sunday`,
        good: `That Sunday {he} had one small piece of cake, and it was the best one ever.`,
      },
      {
        wanted: "tall",
        love: `{hero} did not like to be small.`,
        want: `to be as tall as a tree`,
        true: `{hero} grew and grew until {he} was as tall as a tree.`,
        joy: `{He} could see all of {area} from above.`,
        bad: `{He} did not fit into {his} bed anymore, and {he} could not hear {his} friends.`,
        now: `to be my own size`,
        good: `{later} {he} crept into {his} bed. It was not made for someone tall. It was just right for {him}.`,
      },
      {
        wanted: "summer",
        love: `{hero} loved summer most of all.`,
        want: `that it would be summer every day`,
        true: `it was summer, and it was summer the next day, too.`,
        joy: `{He} played in the sun from morning to night.`,
        bad: `No rain fell. The grass turned brown, and the animals were thirsty.`,
        now: `rain and snow in their time`,
        good: `The rain fell, and {hero} danced in it. Summer would come again, and that was good.`,
      },
      {
        wanted: "gold",
        love: `{hero} dreamed of being rich.`,
        want: `that everything {he} touched would turn to gold`,
        true: `{he} touched a stone, and it turned to gold.`,
        joy: `{He} touched a cup and a flower, and they turned to gold.`,
        bad: `{His} bread turned to gold, too, and {he} was hungry.`,
        now: `a piece of warm bread`,
        good: `{He} ate a piece of warm bread. It was not gold, but it was much better.`,
      },
      {
        wanted: "toys",
        love: `{hero} never had enough toys.`,
        want: `to have all the toys in the world`,
        true: `it rained toys, big ones and small ones, until the {house} was full.`,
        joy: `{He} [jumped into them|threw them into the air] and laughed.`,
        bad: `There was no place to sit, and all the others were sad, because they had no toys.`,
        now: `one toy and somebody to play with`,
        good: `{He} took {his} old ball outside, and all the others came with their toys. They played until dark.`,
      },
      {
        wanted: "night",
        love: `{hero} did not like to go to bed.`,
        want: `that there would be no more night`,
        true: `the sun stayed in the sky, and there was no night.`,
        joy: `{He} played and played and did not have to go to bed.`,
        bad: `{He} was so tired that {he} fell over {his} own feet, and nobody could see the stars.`,
        now: `day and night, one after the other`,
        good: `{He} looked up at the stars. Then {he} closed {his} eyes, and the night was soft and dark.`,
      },
      {
        wanted: "fly",
        love: `{hero} watched the birds every day.`,
        want: `to fly higher than any bird`,
        true: `{his} feet left the ground, and {he} flew up and up.`,
        joy: `{He} flew over {area} and raced with the birds.`,
        bad: `{He} could not come down again. It was cold, and the {house} was as small as a pea.`,
        now: `two feet on the ground`,
        good: `{He} felt the grass under {his} feet. "The birds can fly, and I can run," {he} said.`,
      },
    ],
    [
      { who: "star", meet: `a little star fell from the sky and landed {spot}` },
      { who: "fairy", meet: `{he} met a tiny fairy {spot}` },
      { who: "fish", meet: `{he} found a golden fish in a [bucket|puddle] and let it go` },
      { who: "lamp", meet: `{he} found an old lamp {spot} and rubbed it until it could speak` },
      { who: "frog", meet: `{he} helped a green frog that wore a tiny crown` },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [`{love}`],
      [
        `{one} {meet}. "[Make a wish|You may have a wish]," said the {who}.`,
        `{one} {meet}. "I will give you a wish," said the {who}.`,
        `{one} {meet}. "I can make one wish come true," said the {who}.`,
      ],
    ],
    [
      [
        `{hero} did not think for long. {He} wished {want}.`,
        `{hero} knew at once what {he} wanted. {He} wished {want}.`,
        `"I know!" cried {hero}. And {he} wished {want}.`,
      ],
      [`The {who} [nodded|smiled]. Then {true}`, `There was a flash of light. Then {true}`, `And then {true}`],
      [`{joy}`, ``, `How happy {hero} was! {joy}`, `At first it was great fun. {joy}`],
      [
        `But [soon|after a while] it was not so nice anymore. {bad}`,
        `But then the trouble began. {bad}`,
        `The next day, things looked different. {bad}`,
      ],
    ],
    [
      [
        `{hero} sat down and cried.`,
        ``,
        `"Oh dear," said {hero}. "[What have I done|I wished for too much]!"`,
        `"I wished for too much," said {hero}.`,
      ],
      [
        `{He} called the {who}. "All I want is {now}," {he} [said|begged].`,
        `{He} called, "Dear {who}, please make everything as it was before!"`,
        `{He} looked for the {who} everywhere. "[May I|Can I] take back my wish?" {he} asked.`,
      ],
      [
        `There was a flash of light, and everything was as before.`,
        `The {who} [smiled|nodded]. "[I thought so|Now you know]," it said, and [all|everything] was as before.`,
      ],
    ],
    [
      [`{good}`],
      [
        `{hero} never again wished for too much.`,
        `{hero} had learned that [more is not always better|enough is better than too much].`,
        `{hero} needed nothing more.`,
        ``,
        `"[I have all I need|This is enough for me]," said {hero}, and {he} was happy.`,
      ],
    ],
  ],
};
