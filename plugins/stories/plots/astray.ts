import type { Plot } from "../plot.ts";

/** Led too far away, remembering good advice, and home again. */
export const astray: Plot = {
  name: "astray",
  cases: [
    [
      { lure: "{a color} butterfly", chase: "It flew from flower to flower, and {he} ran after it." },
      { lure: "a line of tiny tracks", chase: "It led over a hill and through a bush, and {he} went after it." },
      { lure: "{a color} balloon", chase: "The wind carried it along, and {he} ran after it." },
      { lure: "a feather in the wind", chase: "It danced ahead, and {he} wanted to catch it." },
      {
        lure: "a patch of sweet berries",
        chase: "Behind every bush was another bush, and {he} ate and walked and ate.",
      },
      { lure: "a little frog", chase: "It hopped away, and {he} hopped after it, farther and farther." },
      { lure: "{a color} dragonfly", chase: "It flew ahead, sat down and flew on, and {he} ran after it." },
    ],
    [
      {
        wanted: "stream",
        advice:
          `"If you ever get lost, [look for the stream|find the stream]," {elder} always said. "It runs past our ` +
          `door."`,
        help: `{He} listened. There was a quiet sound of water. It was the stream!`,
        way: `{He} walked beside the stream, around every bend, and did not leave it.`,
        end: `[From then on|Since that day], {he} loved the sound of the stream.`,
      },
      {
        wanted: "smoke",
        advice:
          `"If you ever get lost, look for the smoke of our fire," {elder} always said. "[It is blue|It is always ` +
          `there]."`,
        help: `{He} climbed on a big rock and looked around. Far away there was smoke. It was the smoke of home!`,
        way: `{He} went straight to the smoke and did not look left or right.`,
        end: `After that, {hero} [always came home|ran home] when the smoke went up.`,
      },
      {
        wanted: "bell",
        advice:
          `"If you ever get lost, stand still and listen for the bell," {elder} always said. "[I will ring it for ` +
          `you|I will ring it until you come]."`,
        help: `{He} stood still and held {his} breath. Ding, dong! There was the bell, far away.`,
        way: `{He} walked to the sound of the bell, and it grew louder with every step.`,
        end: `After that, {hero} [always came home|ran home] when the bell rang.`,
      },
      {
        wanted: "star",
        advice:
          `"If you ever get lost, look for the brightest star," {elder} always said. "It stands over our {house}."`,
        help: `{He} waited until the stars came out, and there was the brightest one.`,
        way: `{He} walked and walked, always with the star in front of {him}.`,
        end: `That night {hero} looked out of the window. "[Thank you|Good night], star," {he} said.`,
      },
      {
        wanted: "sing",
        advice: `"If you ever get lost, stay where you are and sing," {elder} always said. "I will hear you and come."`,
        help: `{He} sat down under a tree and began to sing, first softly and then louder.`,
        way: `{He} sang every song {he} knew. Then somebody sang along. It was {elder}, with a lantern!`,
        end: `That night they sat by the fire, and {hero} wanted to sing once more.`,
      },
      {
        wanted: "tower",
        advice:
          `"If you ever get lost, look for the old tower," {elder} always said. "[From there|From the tower] you ` +
          `can see our door."`,
        help: `{He} turned around slowly. There, above the trees, was the top of the old tower!`,
        way: `{He} went up to the tower, and from there {he} could see a light in a window.`,
        end: `From then on, {hero} always knew [where the old tower was|on which side the old tower stood].`,
      },
    ],
  ],
  paragraphs: [
    [
      [`{opening}`],
      [`{advice}`],
      [`{hero} [nodded|said yes], but {he} did not really listen.`, `{hero} knew it by heart.`, ``],
    ],
    [
      [
        `{one} {hero} saw something {at}. It was {lure}! {chase}`,
        `{one} {hero} was playing {at} when {he} saw {lure}. {chase}`,
        `{one} {hero} saw {lure} {at}. {chase}`,
      ],
      [
        `When {he} stopped, {he} did not know where {he} was. [Everything looked strange.|The trees looked strange.]`,
        `Suddenly {he} looked around. [Where was the path?|Nothing looked like home.]`,
        `{He} went on and on. Then it [began to get|got] dark, and there was no path anymore.`,
      ],
      [
        `"[Hello|Is anybody there]?" {he} called. Only an owl answered.`,
        `{He} ran to the left, and {he} ran to the right.`,
        ``,
        `{hero} [began to cry|was very much afraid]. "I am lost," {he} whispered.`,
      ],
    ],
    [
      [
        `Then {he} thought of what {elder} always said.`,
        `"[Think|Be calm]," {he} told {self}. "What did {call} say?" And then {he} knew.`,
        `{Elder} had told {him} what to do!`,
      ],
      [`{help}`],
      [`{way}`],
    ],
    [
      [
        `Soon {he} was safe and warm. {Elder} held {him} [tight|close] and would not let go.`,
        `"I am so glad to have you back!" said {elder}, and there was hot soup for {hero}.`,
        `How good it was to be home! {Elder} [made hot soup|smiled and was so glad].`,
      ],
      [
        `"I was lost, but I remembered what you always said," [said|whispered] {hero}.`,
        `"I did [what you told me|what you always say]," said {hero}.`,
        `"I will not run off like that again," said {hero}.`,
        ``,
        ``,
      ],
      [`{end}`],
    ],
  ],
};
