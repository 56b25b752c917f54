import { denoDisk, type Disk } from "./disk.ts";
import { jsonPieces, openSink, type Sink } from "./sink.ts";
import { CheckpointError, openSource, readJson } from "./source.ts";

/** Says which step counts. */
const POINTER = "newest.json";
/** Names of the folders of steps; the second number tells apart what was saved for the same step. */
const FOLDER = /^step-\d{8,}(-\d+)?$/;

/** Options of {@linkcode saveStep}. */
export interface SaveStepOptions {
  /** How many steps to keep, this one included. Default: 1. */
  readonly keep?: number;
  /** For tests. */
  readonly disk?: Disk;
}

/**
 * Saves one step of a training run: `write` fills a folder `step-00000100` in `directory`, then `newest.json`, replaced
 * by one rename, points to it, then older steps are removed. Whatever is interrupted, `newest.json` names a whole step:
 * this one or the one before. Returns the path of the folder.
 *
 * @example
 * ```ts ignore
 * await saveStep("run/", step, async (sink) => {
 *   await saveModel(sink, model, { plugins: [huggingface] });
 *   await saveTrainingState(sink, { step, info: { seed, loss }, tensors: optimizerState }, runtime);
 * });
 * const { model } = await loadModel(runtime, (await newestStep("run/"))!, { plugins: [huggingface] });
 * ```
 */
export async function saveStep(
  directory: string,
  step: number,
  write: (sink: Sink) => Promise<unknown>,
  { keep = 1, disk = denoDisk }: SaveStepOptions = {},
): Promise<string> {
  if (!Number.isSafeInteger(step) || step < 0 || !Number.isSafeInteger(keep) || keep < 1) {
    throw new RangeError(`Cannot save step ${step} and keep ${keep}, expected whole numbers from 0 and from 1`);
  }
  using pointer = openSink(directory, disk); // first: a folder that cannot be written to says so before the work
  const before = pointer.files.includes(POINTER) ? await readPointer(directory) : [];
  const taken = disk.list(directory).map(({ name }) => name), name = `step-${String(step).padStart(8, "0")}`;
  let folder = name;
  // What the pointer names is never written to.
  for (let n = 2; taken.includes(folder); n++) folder = `${name}-${n}`;
  const path = `${directory.replace(/[/\\]$/, "")}/${folder}`;
  try {
    using sink = openSink(path, disk);
    await write(sink);
    sink.commit();
    const kept = [folder, ...before].slice(0, keep);
    await pointer.write(POINTER, jsonPieces({ steps: kept }));
    pointer.commit();
    for (const old of taken.filter((entry) => FOLDER.test(entry) && !kept.includes(entry))) {
      removeQuietly(disk, `${directory}/${old}`);
    }
    return path;
  } catch (error) {
    removeQuietly(disk, path);
    throw error;
  }
}

/** The folder of the newest step in `directory`, or `undefined` if nothing was saved there. */
export async function newestStep(directory: string): Promise<string | undefined> {
  using source = openSource(directory);
  if (!source.files.includes(POINTER)) return undefined;
  const [newest] = await readPointer(directory);
  return `${directory.replace(/[/\\]$/, "")}/${newest}`;
}

async function readPointer(directory: string): Promise<string[]> {
  using source = openSource(directory);
  const { steps } = await readJson(source, POINTER);
  if (!Array.isArray(steps) || !steps.length || !steps.every((s) => typeof s === "string" && FOLDER.test(s))) {
    throw new CheckpointError(
      `Cannot read ${POINTER}: steps is ${JSON.stringify(steps)}, expected names of folders such as step-00000100`,
    );
  }
  return steps;
}

function removeQuietly(disk: Disk, path: string): void {
  try {
    disk.remove(path);
  } catch {
    // It is removed after the next step.
  }
}
