/**
 * Simple stories as training text: one after the other, each followed by a line `<|endoftext|>`.
 *
 *     deno run -A plugins/stories/write.ts --stories 200000 --seed 1 --out stories.txt
 *
 * The file appears under its name when it is complete. Exit codes: 0 ok, 1 failure, 2 usage, 130 interrupted.
 *
 * @module
 */
import { createRandom } from "../../model/random.ts";
import { amount, flagHelp, parseFlags, text, toggle, UsageError } from "../cli/flags.ts";
import { note, print, runCommand } from "../cli/terminal.ts";
import { story } from "./mod.ts";

const flags = {
  stories: amount("n", "how many (default 200000)", { min: 1 }),
  seed: amount("n", "decides every story (default 1)"),
  out: text("file", "where to write them"),
  help: toggle("print this"),
};

const USAGE = `Usage: deno run -A plugins/stories/write.ts --out <file> [flags]\n\n${flagHelp(flags)}`;

/** Characters gathered before they are written. */
const CHUNK = 1 << 20;

/** Writes the stories to a file. Returns its bytes. */
async function writeStories(path: string, count: number, seed: number): Promise<number> {
  const random = createRandom(seed, "stories"), encoder = new TextEncoder();
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  const writer = file.writable.getWriter();
  let bytes = 0, gathered = "";
  for (let i = 1; i <= count; i++) {
    gathered += `${story(random)}\n<|endoftext|>\n`;
    if (gathered.length < CHUNK && i < count) continue;
    const chunk = encoder.encode(gathered);
    await writer.write(chunk);
    bytes += chunk.length;
    gathered = "";
  }
  await writer.close();
  return bytes;
}

async function main(args: readonly string[]): Promise<number> {
  const { stories = 200_000, seed = 1, out, help } = parseFlags(args, flags);
  if (help) return print(`${USAGE}\n`), 0;
  if (out === undefined) throw new UsageError("--out is missing, expected a file to write the stories to");
  const temporary = `${out}.${Deno.pid}.part`;
  const remove = () => {
    try {
      Deno.removeSync(temporary);
    } catch { /* It was renamed, or never there. */ }
  };
  Deno.addSignalListener("SIGINT", () => (remove(), Deno.exit(130)));
  try {
    const bytes = await writeStories(temporary, stories, seed);
    await Deno.rename(temporary, out);
    note(`${stories} stories, ${bytes} bytes, seed ${seed}: ${out}`);
    return 0;
  } catch (error) {
    remove();
    throw new Error(`Cannot write ${out}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

if (import.meta.main) await runCommand("write.ts", main);
