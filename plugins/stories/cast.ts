import { type Choose, type Facts, withArticle } from "./grammar.ts";

const boys = "Tim Ben Max Sam Leo Tom Jack Finn Otto Noah Paul Hugo Oscar Adam Luke Theo Peter Jim Karl Nick".split(
  " ",
);
const girls = "Mia Lily Anna Rosa Emma Ruby Nora Lucy Clara Ella Zoe Ivy Amy Sara Kate Molly Jane Lena Eva Maya".split(
  " ",
);
const beasts = {
  he: "Pip Bruno Toby Milo Rusty Bobo Fritz Teddy Charlie Monty Barney Zippy".split(" "),
  she: "Dot Hazel Poppy Tilly Minnie Daisy Penny Coco Willow Bella Lola Fifi".split(" "),
};
const species = "fox rabbit bear mouse squirrel hedgehog badger otter cat raccoon".split(" ");

/** Where the story is: beside what the home lies, the place to play, and four spots there. */
const settings: readonly (Facts & { readonly spots: string })[] = [
  {
    near: "by the sea",
    area: "the beach",
    at: "on the beach",
    spots: "under an old boat/behind a big rock/beside the wooden pier/in the soft sand",
  },
  {
    near: "at the edge of the forest",
    area: "the forest",
    at: "in the forest",
    spots: "under a pile of leaves/behind a mossy log/in a hollow stump/between the roots of an old oak",
  },
  {
    near: "on a small farm",
    area: "the field",
    at: "in the field",
    spots: "in the hay/behind the barn/under the old cart/beside the gate",
  },
  {
    near: "in a quiet village",
    area: "the park",
    at: "in the park",
    spots: "under a bench/behind the fountain/beside the stone wall/in a bed of flowers",
  },
  {
    near: "near a wide river",
    area: "the riverbank",
    at: "on the riverbank",
    spots: "in the reeds/under the old bridge/behind a willow tree/between two wet stones",
  },
  {
    near: "on top of a green hill",
    area: "the meadow",
    at: "in the meadow",
    spots: "in the tall grass/behind a fallen tree/beside the wooden fence/under a berry bush",
  },
  {
    near: "beside a quiet lake",
    area: "the shore",
    at: "on the shore",
    spots: "behind a pile of nets/under the dock/beside a little boat/in the tall reeds",
  },
  {
    near: "in a busy town",
    area: "the square",
    at: "in the square",
    spots: "under a market table/behind the clock tower/beside the bakery door/on the library steps",
  },
];

const skies: readonly Facts[] = [
  { sky: "sunny", air: "[The sun was warm.|The sun shone, and the birds were singing.|The sun shone on {area}.]" },
  { sky: "warm", air: "[The air smelled of flowers.|Bees hummed in the warm air.|It was a good day to be outside.]" },
  { sky: "windy", air: "[The wind sang in the trees.|The wind pushed the clouds along.|Leaves danced in the wind.]" },
  { sky: "cloudy", air: "[Gray clouds hung over {area}.|The clouds looked like sheep.|There was no sun in the sky.]" },
  { sky: "cool", air: "[The air was fresh and clean.|A cool wind came over {area}.|The grass was still wet.]" },
  { sky: "bright", air: "[The sky was blue.|There was not one cloud in the sky.|Everything looked bright and new.]" },
];

const likings = [
  "to sing",
  "to run in the grass",
  "to look at the clouds",
  "to count the birds",
  "to paint pictures",
  "to ask questions",
  "to hear stories",
  "to dance",
  "to pick flowers",
  "to tell jokes",
  "to collect smooth stones",
  "warm soup and fresh bread",
  "apples and honey",
];

const traits = "kind cheerful curious busy gentle clever merry lively friendly honest happy polite".split(" ");
const colors = "red blue green yellow white orange".split(" ");

const elders: readonly Facts[] = [
  { elder: "{his} mother", call: "Mama" },
  { elder: "{his} father", call: "Papa" },
  { elder: "{his} grandmother", call: "Grandma" },
  { elder: "{his} grandfather", call: "Grandpa" },
];

const someday: Facts = {
  one: "[One day,|One {sky} {time},|One {sky} day,|One {time},]",
  night: "One [dark ||cold ]night",
};
const sameday: Facts = { one: "[That {time},|That day,]", night: "That night" };
const child = "[little |young |]{kind}";

/** How stories begin, and how they then come to what happened. */
const openings: readonly Facts[] = [
  { opening: `Once upon a time[,|] there was {a trait} ${child} named {hero}. {He} lived {home}.`, ...someday },
  { opening: `Once upon a time there was a [little|young|small] {kind} named {hero}, who lived {home}.`, ...someday },
  { opening: `Once upon a time, {home}, there lived {a trait} ${child} named {hero}.`, ...someday },
  { opening: `{Home} lived {a trait} ${child} named {hero}.`, ...someday },
  { opening: `{Home}, there lived a [little|young] {kind} named {hero}.`, ...someday },
  { opening: `{hero} was {a trait} ${child}. {He} lived {home}.`, ...someday },
  { opening: `{hero} was a [little|young|small] {kind} who lived {home}.`, ...someday },
  { opening: `There once was {a trait} ${child} named {hero}, who lived {home}.`, ...someday },
  { opening: `Long ago, {a trait} ${child} named {hero} lived {home}.`, ...someday },
  { opening: `{hero} lived {home} with {elder}. {He} was {a trait} ${child}.`, ...someday },
  {
    opening: `One {sky} {time}, a [little|young] {kind} named {hero} [came out of|ran out of|sat in front of] {his} ` +
      `{house}. {air}`,
    ...sameday,
  },
  {
    opening: `One {sky} {time}, {hero} was [playing|sitting|singing] in front of {his} {house} {near}. {He} was {a ` +
      `trait} ${child}.`,
    ...sameday,
  },
  {
    opening: `It was a {sky} {time}, and {a trait} ${child} named {hero} was [playing|sitting|singing] {at}. {air}`,
    ...sameday,
  },
];

/** Who the story is about and where it is: what every {@linkcode Plot} may rely on. */
export function castStory(choose: Choose): Facts {
  const one = <T>(list: readonly T[]): T => list[choose(list.length)];
  const male = choose(2) === 0, people = choose(2) === 0;
  const kinds = people ? ["boy", "girl"] : draw(species, 2, choose);
  const house = people ? one(["house", "cottage"]) : one(["den", "burrow", "hut"]);
  const look = people ? one(["small", "little", "old", "white"]) : one(["cozy", "warm", "small", "snug"]);
  const { spots, ...setting } = one(settings), [spot, spot2, spot3] = draw(spots.split("/"), 3, choose);
  const liking = one(likings);
  const facts = {
    hero: one(people ? (male ? boys : girls) : beasts[male ? "he" : "she"]),
    pal: one(people ? (male ? girls : boys) : beasts[male ? "she" : "he"]),
    kind: kinds[male || !people ? 0 : 1],
    palkind: kinds[male || !people ? 1 : 0],
    friend: people ? "[{his} friend {pal}|{his} neighbor {pal}]" : "[{his} friend {pal}|{pal} the {palkind}]",
    hand: people ? "hand" : "paw",
    house,
    home: `in ${withArticle(look)} ${house} {near}`,
    time: one(["morning", "afternoon"]),
    later: "That evening",
    trait: one(traits),
    color: one(colors),
    spot,
    spot2,
    spot3,
    liked: `[{He} loved ${liking}.||]`,
    ...pronouns(male, ""),
    ...pronouns(!male, "p"),
    ...setting,
    ...one(skies),
    ...one(elders),
  };
  return { ...facts, ...one(openings) };
}

/** `he`, `him`, `his`, `self` for the hero; with another sign in front for the friend, who is of the other sex. */
function pronouns(male: boolean, sign: string): Facts {
  const [he, him, his, self] = male ? ["he", "him", "his", "himself"] : ["she", "her", "her", "herself"];
  return { [`${sign}he`]: he, [`${sign}him`]: him, [`${sign}his`]: his, [`${sign}self`]: self };
}

/** `n` different ones of a list. */
function draw<T>(list: readonly T[], n: number, choose: Choose): T[] {
  const rest = [...list];
  return Array.from({ length: n }, () => rest.splice(choose(rest.length), 1)[0]);
}
