/**
 * Templates: `[a|b]` is one of its alternatives, `{thing}` a fact (a template itself), `{Thing}` that with a capital,
 * `{a thing}` that behind "a" or "an".
 */

/** What holds for a whole story: names, pronouns, things, places. Values are templates. */
export type Facts = Readonly<Record<string, string>>;

/** Draws one of the whole numbers from 0 to below `n`. */
export type Choose = (n: number) => number;

interface Slot {
  readonly fact: string;
  readonly article: boolean;
  readonly capital: boolean;
}
type Sequence = readonly (string | Slot | { readonly choices: readonly Sequence[] })[];

const parsed = new Map<string, Sequence>();

/** Fills a template. Throws a TypeError for a fact that is missing or a bracket without its partner. */
export function expand(template: string, facts: Facts, choose: Choose): string {
  const fill = (sequence: Sequence): string =>
    sequence.map((part) => {
      if (typeof part === "string") return part;
      if ("choices" in part) return fill(part.choices[choose(part.choices.length)]);
      return finish(part, fill(parse(factOf(part, facts))));
    }).join("");
  return fill(parse(template));
}

/** Every text that {@linkcode expand} can give for these facts, each once. */
export function expansions(template: string, facts: Facts): readonly string[] {
  const all = (sequence: Sequence): readonly string[] =>
    sequence.reduce<readonly string[]>((starts, part) => {
      const ends = typeof part === "string"
        ? [part]
        : "choices" in part
        ? part.choices.flatMap(all)
        : all(parse(factOf(part, facts))).map((text) => finish(part, text));
      return starts.flatMap((start) => ends.map((end) => start + end));
    }, [""]);
  return [...new Set(all(parse(template)))];
}

/** "an apple", "a unicorn", "an honest fox". */
export function withArticle(phrase: string): string {
  return /^(?:[aei]|o(?!ne\b)|u(?!se|ni)|hour|honest)/i.test(phrase) ? `an ${phrase}` : `a ${phrase}`;
}

function finish({ article, capital }: Slot, text: string): string {
  const phrase = article ? withArticle(text) : text;
  return capital ? phrase.charAt(0).toUpperCase() + phrase.slice(1) : phrase;
}

function factOf({ fact }: Slot, facts: Facts): string {
  if (!Object.hasOwn(facts, fact)) throw new TypeError(`Cannot fill {${fact}}: there is no such fact`);
  return facts[fact];
}

function parse(template: string): Sequence {
  let sequence = parsed.get(template);
  if (!sequence) {
    const reader = { rest: template.match(/[[\]|]|\{[^{}]*\}|[^[\]|{}]+|[{}]/g) ?? [], at: 0, template };
    const choices = readChoices(reader, false);
    sequence = choices.length === 1 ? choices[0] : [{ choices }];
    parsed.set(template, sequence);
  }
  return sequence;
}

interface Reader {
  readonly rest: readonly string[];
  readonly template: string;
  at: number;
}

/** Alternatives up to the bracket that closes them, or to the end of the template. */
function readChoices(reader: Reader, inside: boolean): readonly Sequence[] {
  const choices: Sequence[number][][] = [[]];
  for (; reader.at < reader.rest.length; reader.at++) {
    const token = reader.rest[reader.at], slot = token.match(/^\{(a |A )?(\w+)\}$/);
    if (token === "]" && inside) return choices;
    else if (token === "|" && inside) choices.push([]);
    else if (token === "[") {
      reader.at++;
      choices.at(-1)!.push({ choices: readChoices(reader, true) });
    } else if (slot) {
      const [, article, name] = slot, first = article ?? name, fact = name.charAt(0).toLowerCase() + name.slice(1);
      choices.at(-1)!.push({ fact, article: !!article, capital: first.charAt(0) !== first.charAt(0).toLowerCase() });
    } else if (/[[\]{}|]/.test(token)) break;
    else choices.at(-1)!.push(token);
  }
  if (inside || reader.at < reader.rest.length) {
    throw new TypeError(`Cannot read the template ${JSON.stringify(reader.template)}: a bracket lacks its partner`);
  }
  return choices;
}
