/** Commands as processes, and a text for them to learn from. */
import { createRandom } from "../model/random.ts";

/** Folder of the repository. */
export const root = new URL("../", import.meta.url).pathname;

/** What a process came to. */
export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Starts a script, by its full path, in a folder, with `env` beside what is in this process's environment. */
export function spawn(
  script: string,
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", script, ...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits for the end of a process. */
export async function finish(process: Deno.ChildProcess): Promise<Result> {
  const { code, stdout, stderr } = await process.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** Words in an order that can be learned a little. */
export function story(sentences: number, seed = 1): string {
  const random = createRandom(seed, "story"), names = ["Ann", "Bob", "the cat", "a dog"], verbs = ["sees", "likes"];
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)];
  return Array.from({ length: sentences }, () => `${pick(names)} ${pick(verbs)} ${pick(names)}.\n`).join("");
}
