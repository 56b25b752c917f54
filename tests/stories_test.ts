import { createRandom } from "../model/random.ts";
import { castStory } from "../plugins/stories/cast.ts";
import { expand, expansions, withArticle } from "../plugins/stories/grammar.ts";
import { castPlot, countStories, story, tell, type Telling } from "../plugins/stories/mod.ts";
import type { Plot } from "../plugins/stories/plot.ts";
import { plots } from "../plugins/stories/plots/mod.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";

const COUNT = 20_000;
const tellings: readonly Telling[] = (() => {
  const random = createRandom(1, "stories");
  return Array.from({ length: COUNT }, () => tell(random));
})();
const chooser = (seed: number) => {
  const random = createRandom(seed, "test");
  return (n: number) => Math.floor(random() * n);
};
const words = (text: string) => text.match(/[A-Za-z]+(?:'[a-z]+)?/g) ?? [];
const sentences = (text: string) => text.split(/(?<=[.!?]"?)\s+(?=["A-Z])/);
const withoutQuotes = (text: string) => text.replace(/"[^"]*"/g, `""`);

/** What is wrong with the spelling of a text, if anything. */
function flaw(text: string): string | undefined {
  const rules: Readonly<Record<string, RegExp>> = {
    "a placeholder": /[[\]{}|`]|undefined/,
    "a character that is not plain": /[^A-Za-z ,.!?:"'\n-]/,
    "two spaces, or one at an edge": / {2}|^\s|\s$|\n |[^\n]\n[^\n]|\n{3}/,
    "a space before a mark": / [,.!?:]/,
    "two marks": /[,.!?:]{2}|[.!?]"[,.!?]/,
    "a sentence that begins small": /(?:^|[.!]|[?!]\s|\n)\s*[a-z]|[.]" [a-z]/,
    "a capital inside a sentence": /[a-z],? (?:His|Her|He|She|They|The|It|That|One)\b/,
    "a quote that begins small": /(?:^|\s)"[a-z]/,
    "a quote that ends without a mark": /[A-Za-z]"(?:\s|$)/,
    "two quotes without a speaker between": /" "/,
    "a word twice": /\b(\w+) \1\b/i,
  };
  for (const [name, rule] of Object.entries(rules)) {
    const found = text.match(rule);
    if (found) return `${name}: ${text.slice(Math.max(0, found.index! - 30), found.index! + 30)}`;
  }
  for (const [all, article, word] of text.matchAll(/\b(an?) (\w+)/gi)) {
    const vowel = /^[aeiou]|^hon/i.test(word) && !/^(?:one|use|uni)/i.test(word);
    if (vowel !== (article.length === 2)) return `an article: ${all}`;
  }
  for (const paragraph of text.split("\n\n")) {
    if ((paragraph.match(/"/g) ?? []).length % 2) return `a quote without an end: ${paragraph}`;
    const bad = sentences(paragraph).find((s) => !/^"?[A-Z]/.test(s) || !/[.!?]"?$/.test(s));
    if (bad !== undefined) return `a sentence: ${bad}`;
  }
  return undefined;
}

Deno.test("the same seed gives the same stories, another seed others", () => {
  const first = (seed: number) => {
    const random = createRandom(seed, "stories");
    return [story(random), story(random), story(random)];
  };
  assertEquals(first(1), tellings.slice(0, 3).map((t) => t.text));
  assert(first(2).every((text, i) => text !== tellings[i].text));
});

Deno.test("stories are distinct, of every kind, neither short nor long, in few words", () => {
  const distinct = new Set(tellings.map((t) => t.text)).size, lengths = tellings.map((t) => words(t.text).length);
  const vocabulary = new Set(tellings.flatMap((t) => words(t.text)).map((w) => w.toLowerCase().replace(/'s$/, "")));
  const mean = lengths.reduce((sum, n) => sum + n) / COUNT,
    [least, most] = [Math.min(...lengths), Math.max(...lengths)];
  console.log(`${distinct} of ${COUNT} distinct, ${vocabulary.size} words, ${least} … ${most} a story, mean ${mean}`);
  assert(distinct >= COUNT * 0.999);
  assert(least >= 80 && most <= 210 && mean > 100 && mean < 170, `${least} … ${most}, mean ${mean}`);
  assert(lengths.filter((n) => n > 185).length < COUNT * 0.1);
  assert(vocabulary.size >= 600 && vocabulary.size <= 1200, `${vocabulary.size} words`);
  for (const plot of plots) {
    const share = tellings.filter((t) => t.plot === plot).length / COUNT;
    assert(Math.abs(share * plots.length - 1) < 0.15, `${plot.name}: ${share}`);
  }
});

Deno.test("they begin in several ways", () => {
  const starts = tellings.map(({ text, facts }) => text.replace(facts.hero, "X"));
  for (
    const start of [
      /^Once upon a time there was a /,
      /^Once upon a time, in an? /,
      /^One sunny morning, a /,
      /^In an? \w+ \w+ by the sea lived a /,
      /^X was a /,
      /^X lived in an? /,
      /^It was a /,
      /^Long ago, /,
      /^There once was a /,
    ]
  ) assert(starts.filter((s) => start.test(s)).length >= 50, `${start}`);
});

Deno.test("more than 300 million stories can be told", () => {
  const tiny = (paragraphs: Plot["paragraphs"]): Plot => ({ name: "tiny", cases: [], paragraphs });
  const facts = { hero: "[Tim|Tom]" };
  assertEquals(countStories(tiny([[["{hero} ran.", "He ran."], [""]], [["It [was|is].", ""]]]), facts), 6);
  // "A" is the beginning of "A b", so only one of them is counted; the same text twice is one.
  assertEquals(countStories(tiny([[["A", "A b", "C", "C"]]]), {}), 2);
  // For one cast each: other names, places and things come on top.
  const counts = plots.map((plot) => countStories(plot, castPlot(plot, chooser(3))));
  console.log(plots.map((plot, i) => `${plot.name} ${counts[i].toExponential(1)}`).join(", "));
  assert(Math.max(...counts) > 300e6);
  for (const [i, n] of counts.entries()) assert(n > 10_000, `${plots[i].name}: ${n}`);
});

Deno.test("every text that any case of any plot can give is spelled well", () => {
  for (const plot of plots) {
    for (const [i, list] of plot.cases.entries()) {
      for (const [j, record] of list.entries()) {
        const facts = { ...castPlot(plot, chooser(j)), ...record };
        // Facts of later lists replace those of earlier ones.
        const all = plot.cases.slice(i + 1).reduce((f, later) => ({ ...f, ...later[j % later.length] }), facts);
        for (const template of plot.paragraphs.flat(2)) {
          for (const text of expansions(template, all)) {
            const wrong = text === "" ? undefined : flaw(text);
            assert(wrong === undefined, `${plot.name}: ${wrong}`);
          }
        }
      }
    }
  }
});

Deno.test("stories are spelled well: sentences, quotes, spaces, articles, nothing left to fill", () => {
  for (const { text, plot } of tellings) {
    const wrong = flaw(text);
    assert(wrong === undefined, `${plot.name}: ${wrong}`);
    assertEquals(text.split("\n\n").length, plot.paragraphs.length);
  }
});

Deno.test("pronouns agree: he or she is the hero, or the friend where that was just named", () => {
  const he = /\b(?:he|him|his|himself)\b/i, she = /\b(?:she|her|hers|herself)\b/i;
  let own = 0;
  for (const { text, facts, plot } of tellings) {
    const [hers, others] = facts.he === "he" ? [he, she] : [she, he];
    if (hers.test(withoutQuotes(text))) own++;
    for (const [kind, word] of [[facts.kind, facts.he], [facts.palkind, facts.phe]]) {
      assert(kind !== "boy" && kind !== "girl" || (kind === "boy" ? "he" : "she") === word, `${kind}, ${word}`);
    }
    const all = sentences(text);
    for (const [i, sentence] of all.entries()) {
      if (!others.test(withoutQuotes(sentence))) continue;
      const near = all.slice(Math.max(0, i - 3), i + 1).join(" ");
      assert(near.includes(facts.pal), `${plot.name}, ${facts.hero}: ${near}`);
    }
  }
  assert(own > COUNT * 0.97, `${own}`);
});

Deno.test("what the story is about occurs at its beginning and again at its end", () => {
  for (const { text, facts, plot } of tellings) {
    const paragraphs = text.split("\n\n"), wanted = new RegExp(`\\b${facts.wanted}`, "i");
    assert(wanted.test(paragraphs.slice(0, -1).join(" ")), `${plot.name} has no ${facts.wanted}: ${text}`);
    assert(wanted.test(paragraphs.at(-1)!), `${plot.name} ends without ${facts.wanted}: ${paragraphs.at(-1)}`);
  }
});

Deno.test("the hero and the friend differ in name and, among animals, in kind; spots are three", () => {
  for (let seed = 0; seed < 2000; seed++) {
    const facts = castStory(chooser(seed));
    assert(facts.hero !== facts.pal && facts.he !== facts.phe && facts.kind !== facts.palkind);
    assertEquals(new Set([facts.spot, facts.spot2, facts.spot3]).size, 3);
  }
});

Deno.test("templates: alternatives, facts, capitals, articles, and what is wrong with one", () => {
  const facts = { hero: "Tim", toy: "[old|new] kite", it: "{toy}" };
  assertEquals(expansions("{A toy}[|s].", facts), ["An old kite.", "An old kites.", "A new kite.", "A new kites."]);
  assertEquals(expand("{hero}: {It}, {a it}", facts, () => 0), "Tim: Old kite, an old kite");
  assertEquals(expand("[a[b|c]|d]", facts, (n) => n - 1), "d");
  assertEquals(
    ["hour", "unicorn", "honest fox", "one", "egg"].map(withArticle).join(),
    "an hour,a unicorn,an honest fox,a one,an egg",
  );
  assertThrows(() => expand("{nobody}", facts, () => 0), TypeError, "Cannot fill {nobody}: there is no such fact");
  for (const bad of ["[a", "a]", "a|b", "{a b c}", "{"]) {
    assertThrows(() => expand(bad, facts, () => 0), TypeError, "a bracket lacks its partner");
  }
});

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** Runs write.ts with these flags. */
async function write(...args: readonly string[]): Promise<{ code: number; err: string }> {
  const script = new URL("../plugins/stories/write.ts", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, ...args],
    cwd: folder,
    stdin: "null",
  }).output();
  return { code, err: new TextDecoder().decode(stderr) };
}

Deno.test("write.ts writes the stories of a seed, each ended by a line, and leaves nothing else behind", async () => {
  const { code, err } = await write("--stories", "3000", "--seed", "1", "--out", "stories.txt");
  const text = await Deno.readTextFile(`${folder}/stories.txt`);
  assertEquals([code, err], [0, `3000 stories, ${text.length} bytes, seed 1: stories.txt\n`]);
  assertEquals(text, tellings.slice(0, 3000).map((t) => `${t.text}\n<|endoftext|>\n`).join(""));
  assert(text.length > 1 << 21, `${text.length} bytes, expected more than two chunks`);
  assertEquals([...Deno.readDirSync(folder)].map((f) => f.name), ["stories.txt"]);
});

Deno.test("write.ts says what it cannot do, and exits with 1 or 2", async () => {
  await Deno.mkdir(`${folder}/taken/inside`, { recursive: true });
  const [none, zero, nowhere, taken] = await Promise.all([
    write(),
    write("--out", "x.txt", "--stories", "0"),
    write("--out", "nowhere/x.txt", "--stories", "1"),
    write("--out", "taken", "--stories", "1"),
  ]);
  assertEquals([none.code, zero.code, nowhere.code, taken.code], [2, 2, 1, 1]);
  assertEquals(none.err.split("\n")[0], "write.ts: --out is missing, expected a file to write the stories to");
  assertEquals(zero.err.split("\n")[0], `write.ts: --stories is "0", expected a whole number from 1`);
  assert(nowhere.err.startsWith("write.ts: Cannot write nowhere/x.txt: "), nowhere.err);
  assert(taken.err.startsWith("write.ts: Cannot write taken: "), taken.err);
  assertEquals([...Deno.readDirSync(folder)].filter((f) => /part$/.test(f.name)), []);
});
