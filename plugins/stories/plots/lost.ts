import type { Plot } from "../plot.ts";

/** A thing is lost, looked for and found again. */
export const lost: Plot = {
  name: "lost",
  cases: [
    [
      { toy: "kite", thing: "{color} kite" },
      { toy: "ball", thing: "{color} ball" },
      { toy: "drum", thing: "[small|little] {color} drum" },
      { toy: "boat", thing: "[toy|wooden] boat" },
      { toy: "whistle", thing: "[tin|wooden] whistle" },
      { toy: "hat", thing: "{color} hat" },
      { toy: "scarf", thing: "[soft|warm] {color} scarf" },
      { toy: "lantern", thing: "[small|little] lantern" },
      { toy: "book", thing: "[big|old] book of stories" },
      { toy: "bell", thing: "[small|silver] bell" },
      { toy: "umbrella", thing: "{color} umbrella" },
      { toy: "blanket", thing: "[soft|warm] {color} blanket" },
      { toy: "basket", thing: "[small|round] basket" },
      { toy: "shell", thing: "[pretty|white] shell" },
    ].map((thing) => ({ ...thing, wanted: thing.toy })),
    [
      {
        help: `Then {friend} came [by|along]. "[Why are you so sad|What is wrong|What are you looking for]?" asked ` +
          `{pal}. [{hero} told {phim} everything.|"I cannot find my {toy}," said {hero}.]`,
        find: `"[Let us think|Think back]," said {pal}. "You were {spot} [before|today]. Did you look there?" They ` +
          `[ran|hurried|went] there together, and there was the {toy}[, safe and dry|, just where {he} had left ` +
          `it|].`,
        thank: `"[Thank you, {pal}|You are so clever, {pal}]!" [said|cried] {hero}.`,
      },
      {
        help: `A [crow|sparrow|robin|blue bird] sat [on a branch|on the fence] and [watched|looked at] {him}. ` +
          `"[What did you lose|What are you looking for]?" asked the bird. "My {toy}," said {hero}.`,
        find:
          `"I saw it {spot}," said the bird. "You [put it down|left it] there when you [chased a butterfly|stopped ` +
          `to rest]." {hero} [ran|hurried] to look, and the bird was right. [There it was!|There was the {toy}!]`,
        thank: `"Thank you!" said {hero}, and {he} gave the bird [some crumbs|a piece of bread|a few seeds].`,
      },
      {
        help: `Just then {friend} came [up the path|along|down the road]. [And what|What] did {phe} have in {phis} ` +
          `{hand}s? It was the {toy}!`,
        find: `"I found it {spot}," said {pal}. "I [knew it was yours|thought you would miss it], so I [kept it ` +
          `safe|brought it to you|took good care of it]."`,
        thank: `{hero} smiled. "You are a [good|true] friend, {pal}," {he} said.`,
      },
      {
        help:
          `{He} [went|ran] to {elder} and [told the whole story|asked for help]. "[Do not cry|Take a deep breath]," ` +
          `said {elder}. "[Walk|Go] back the way you came, [one step at a time|step by step], and [look well|open ` +
          `your eyes]."`,
        find:
          `So {hero} [walked|went] back, [one step at a time|step by step]. [Where had {he} stopped to rest?|Where ` +
          `had {he} put it down?] {He} looked {spot}, and [there was the {toy}|there it was]!`,
        thank: `"[You were right|I found it], {call}!" [called|cried] {hero}.`,
      },
      {
        help: `At last {he} looked {spot}. There was the {toy}, and right beside it slept a [tiny|little] {guest}.`,
        find: `"It must be [tired|lost]," [thought|whispered] {hero}. {He} sat down and waited [quietly|without a ` +
          `sound] until the {guest} woke up. Then {he} [took it back to its mother|showed it the way home].`,
        thank: `"[You are very kind|That was kind of you]," said the {guest}'s mother.`,
      },
    ],
    [{ guest: "duckling" }, { guest: "lamb" }, { guest: "chick" }],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [`{liked}`],
      [
        `{He} had {a thing}, and {he} [took it everywhere|loved it very much|took it along wherever {he} went].`,
        `Of all {his} things, {he} loved {his} {thing} [best|most].`,
        `{Elder} had given {him} {a thing}, and {he} [never went out without it|was very proud of it].`,
        `{His} [best|dearest] thing was {a thing}.`,
      ],
    ],
    [
      [
        `{one} {hero} played {at} until {he} was tired. When {he} [got|came] home, the {toy} was [gone|not there].`,
        `{one} {he} [reached|looked] for the {toy}, but it was [gone|not in its place].`,
        `{one} {hero} came back from {area} and saw that the {toy} was [gone|missing].`,
        `{one} {hero} wanted to take the {toy} outside, but it was [gone|not in its place|not there].`,
      ],
      [
        `"Oh no! Where is my {toy}?" {he} [cried|said].`,
        `{hero} [felt very sad|wanted to cry]. "My {toy} is lost," {he} said.`,
        `{His} heart felt heavy. {He} had to find it [before dark|at once].`,
        `"I must find it," {he} said.`,
        ``,
      ],
      [
        `{He} looked {spot2} and {spot3}, but [it was not there|there was no {toy}|{he} found nothing].`,
        `First {he} looked {spot2}. Then {he} looked {spot3}. [There was no {toy}.|The {toy} was not there.]`,
        `{He} looked everywhere. {He} even looked {spot2}, but [there was nothing|there was no {toy}].`,
        `{He} asked everyone {he} met, and {he} looked {spot2}[, too|]. [Nobody had seen the {toy}.|It was not there.]`,
      ],
    ],
    [[`{help}`], [`{find}`], [`{thank}`]],
    [
      [
        `{hero} [hugged|held] the {toy} and did not want to let go.`,
        ``,
        `{hero} was so [happy|glad] that {he} [danced|jumped] all the way home.`,
        `"I will never leave you behind again," {he} [said to|told] the {toy}.`,
        `{hero} carried the {toy} home with both {hand}s.`,
      ],
      [
        `From that day on, {he} put the {toy} in its place every [evening|night].`,
        `{later} {he} put the {toy} beside {his} bed and [fell asleep with a smile|slept well].`,
        `{hero} had learned to take care of the things {he} loved, and {he} never lost the {toy} again.`,
        `And [after that|from then on] {he} always knew where {his} {toy} was.`,
      ],
    ],
  ],
};
