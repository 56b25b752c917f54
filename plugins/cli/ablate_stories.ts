import { writeTextAtomic } from "../../model/data/token_file.ts";
import { createRandom } from "../../model/random.ts";
import { story } from "../stories/mod.ts";

/** Stories that models learn from where no data is named: about 700,000 characters, of which a tenth is held back. */
const STORIES = 900;

/** Where the story corpus of a folder is. */
export function storyPath(folder: string): string {
  return `${folder}/stories.txt`;
}

/** Writes the story corpus to `folder`, unless it is there. The same stories every time. */
export function writeStories(folder: string): void {
  const path = storyPath(folder), random = createRandom(1, "stories");
  const text = Array.from({ length: STORIES }, () => `${story(random)}\n<|endoftext|>\n`).join("");
  Deno.mkdirSync(folder, { recursive: true });
  try {
    if (Deno.readTextFileSync(path) === text) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  writeTextAtomic(path, text);
}
