/**
 * Models from the Hugging Face hub: downloaded once, checked, and found again without a network.
 *
 * @example
 * ```ts ignore
 * import { createRuntime, loadModel } from "@tenon/tenon";
 * import { downloadModel } from "@tenon/tenon/hub";
 * import { huggingface } from "@tenon/tenon/huggingface";
 *
 * using runtime = await createRuntime();
 * const folder = await downloadModel("hf:HuggingFaceTB/SmolLM2-135M-Instruct@main");
 * const { model } = await loadModel(runtime, folder, { plugins: [huggingface] });
 * ```
 *
 * @module
 */
import { CheckpointError } from "../../model/source.ts";
import { download } from "./download.ts";
import { checkpointFiles, listCommit, type RemoteFile, resolveRevision, shardFiles } from "./listing.ts";
import { type HubName, isCommit, isHubName, parseHubName } from "./name.ts";
import { isAddress, openRemote, type RemoteOptions } from "./remote.ts";
import { defaultPatience, type Patience, type Requester } from "./request.ts";
import { type HubSettings, hubSettings } from "./settings.ts";
import { openStore, type Store } from "./store.ts";

export { type HubSettings, isAddress, isHubName, openRemote, type Patience, type RemoteOptions };

/** Options of {@linkcode downloadModel}. */
export interface DownloadOptions extends Partial<HubSettings> {
  /** Uses only what is there. */
  readonly offline?: boolean;
  /** Is told how many bytes of how many are there, and which file is being fetched. */
  readonly onProgress?: (done: number, total: number, file: string) => void;
  /** How long to wait for the hub, and how often. */
  readonly patience?: Partial<Patience>;
}

/**
 * Downloads a model unless it is there: `hf:org/name`, `hf:org/name@revision` (a branch, a tag or a commit), or one file
 * of it, `hf:org/name/file.gguf`. Returns the path of its folder, or of the file: what `loadModel` takes. Each commit has
 * a folder of its own, so that files of two never mix.
 *
 * What was interrupted is gone on with by the same call. Throws a {@linkcode CheckpointError} of one line: no such model
 * or revision, no permission, no network, a disk that is full, a hub that sends other bytes than it lists.
 */
export async function downloadModel(text: string, options: DownloadOptions = {}): Promise<string> {
  const name = parseHubName(text), settings = hubSettings(options), store = openStore(settings.cache, name);
  const path = (commit: string) => `${store.folder(commit)}${name.file === undefined ? "" : `/${name.file}`}`;
  const known = isCommit(name.revision) ? name.revision : store.revision(name.revision);
  if (options.offline) return path(expectThere(name, store, known));
  if (isCommit(name.revision) && isComplete(store, name.revision)) return path(name.revision);
  const requester: Requester = { name, settings, patience: { ...defaultPatience, ...options.patience } };
  const commit = await resolveRevision(requester);
  if (!isComplete(store, commit)) await downloadCommit(requester, store, commit, options);
  store.setRevision(name.revision, commit); // last: it never stands for what is not there
  return path(commit);
}

async function downloadCommit(
  requester: Requester,
  store: Store,
  commit: string,
  { onProgress }: DownloadOptions,
): Promise<void> {
  const listed = await listCommit(requester, commit), { files: first, index } = checkpointFiles(requester.name, listed);
  const fetchAll = async (files: readonly RemoteFile[]) => {
    const missing = store.missing(commit, files), total = files.reduce((sum, { size }) => sum + size, 0);
    let before = total - missing.reduce((sum, { size }) => sum + size, 0);
    for (const file of missing) {
      const to = store.destination(commit, file);
      await download(requester, commit, file, to, (done) => onProgress?.(before + done, total, file.name));
      before += file.size;
    }
  };
  if (!index) {
    store.setFiles(commit, first);
    return await fetchAll(first);
  }
  await fetchAll([index]);
  const text = Deno.readTextFileSync(store.destination(commit, index).path);
  const files = [...first, ...shardFiles(requester.name, index.name, text, listed)];
  store.setFiles(commit, files);
  await fetchAll(files);
}

function isComplete(store: Store, commit: string): boolean {
  const files = store.files(commit);
  return files !== undefined && !store.missing(commit, files).length;
}

/** The commit, if all of it is there. */
function expectThere({ text }: HubName, store: Store, commit: string | undefined): string {
  const files = commit === undefined ? undefined : store.files(commit);
  if (commit === undefined || !files) {
    throw new CheckpointError(`Cannot use ${text} offline: it has not been downloaded, expected to be online once`);
  }
  const [missing] = store.missing(commit, files);
  if (!missing) return commit;
  throw new CheckpointError(
    `Cannot use ${text} offline: ${missing.name} has not been downloaded, expected to be online once more`,
  );
}
