import type { Json } from "../../components/options.ts";
import { show } from "../json.ts";
import { isName, type Variation } from "./plan.ts";

/**
 * Reads `path=value,value`: `norm=layerNorm,rmsNorm`, `feedForward={"type":"swiglu","hidden":96},gelu`,
 * `dim=64,128`. A value is a name or JSON; commas in braces, brackets and strings belong to it. Throws a `TypeError` that
 * says at which character, from 1, something is wrong. Whether there is such a path is for `planArms` to say.
 */
export function parseVary(text: string): Variation {
  const fail = (state: string, at: number, expected: string) =>
    new TypeError(`Cannot read ${show(text, 200)}: ${state} at character ${at + 1}, expected ${expected}`);
  const equals = text.indexOf("="), path = (equals < 0 ? text : text.slice(0, equals)).trim();
  if (equals < 0) throw fail("the text ends", text.length, '"=" and values, as in norm=layerNorm,rmsNorm');
  if (!path) throw fail("nothing before the =", equals, "a path, as in norm=layerNorm,rmsNorm");
  const values = split(text, equals + 1, fail).map(([begin, end]) => {
    const part = text.slice(begin, end), value = part.trim(), at = begin + part.indexOf(value);
    if (!value) throw fail("no value", begin, "a name or JSON");
    return readValue(value, () => fail(`${show(value)} is neither`, at, "a name or JSON"));
  });
  return { path, values };
}

type Fail = (state: string, at: number, expected: string) => TypeError;

/** Where the pieces between commas begin and end; commas inside braces, brackets and strings do not count. */
function split(text: string, start: number, fail: Fail): [begin: number, end: number][] {
  const pieces: [number, number][] = [], open: { close: string; at: number }[] = [];
  let begin = start;
  for (let i = start; i < text.length; i++) {
    const char = text[i], inner = open.at(-1);
    if (inner?.close === '"') {
      if (char === "\\") i++;
      else if (char === '"') open.pop();
    } else if (char === '"') open.push({ close: '"', at: i });
    else if (char === "{" || char === "[") open.push({ close: char === "{" ? "}" : "]", at: i });
    else if (char === "}" || char === "]") {
      if (inner?.close !== char) throw fail(`a ${char} that closes nothing`, i, inner ? inner.close : "a name or JSON");
      open.pop();
    } else if (char === "," && !inner) {
      pieces.push([begin, i]);
      begin = i + 1;
    }
  }
  const left = open.at(-1);
  if (left) throw fail(`a ${text[left.at]} that is not closed`, left.at, `a ${left.close} behind it`);
  return [...pieces, [begin, text.length]];
}

function readValue(value: string, fail: () => TypeError): Json {
  try {
    return JSON.parse(value);
  } catch {
    if (isName(value)) return value;
    throw fail();
  }
}
