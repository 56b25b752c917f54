import { CheckpointError } from "../../model/source.ts";
import { type Destination, isWhole, onDisk } from "./download.ts";
import type { RemoteFile } from "./listing.ts";
import { type HubName, isCommit } from "./name.ts";

/**
 * What has been downloaded of one model:
 *
 * ```
 * hub/org--name/
 *   revisions/main.json      the commit that a revision stood for when it was last asked about
 *   commits/<commit>.json    the files of a commit, their sizes and hashes
 *   <commit>/config.json …   the files, whole and checked
 *   partial/<hash>           what has arrived of others
 * ```
 */
export interface Store {
  /** The folder of a commit. */
  folder(commit: string): string;
  /** Where a file of a commit goes. */
  destination(commit: string, file: RemoteFile): Destination;
  /** The commit that a revision stood for. */
  revision(revision: string): string | undefined;
  /** Takes note of that. */
  setRevision(revision: string, commit: string): void;
  /** The files of a commit, if all of them were ever listed. */
  files(commit: string): readonly RemoteFile[] | undefined;
  /** Takes note of them. */
  setFiles(commit: string, files: readonly RemoteFile[]): void;
  /** Those of `files` that are not there. */
  missing(commit: string, files: readonly RemoteFile[]): readonly RemoteFile[];
}

/** The store of a model in the folder `cache`. Several files of a commit may be asked for one by one. */
export function openStore(cache: string, { repo, file: wanted }: HubName): Store {
  const root = `${cache.replace(/[/\\]+$/, "")}/hub/${repo.replace("/", "--")}`, folder = (c: string) => `${root}/${c}`;
  const revisionFile = (revision: string) => `revisions/${encodeURIComponent(revision)}.json`;
  const listFile = (commit: string) => `commits/${commit}${wanted === undefined ? "" : `-${wanted}`}.json`;
  return {
    folder,
    destination(commit, file) {
      const { sha256, blob, name } = file, key = sha256 ?? blob ?? `${commit}-${name}`;
      for (const part of ["partial", commit]) {
        onDisk(`${root}/${part}`, () => Deno.mkdirSync(`${root}/${part}`, { recursive: true }));
      }
      return { path: `${folder(commit)}/${name}`, partial: `${root}/partial/${key}` };
    },
    revision(revision) {
      const { commit } = readJson(`${root}/${revisionFile(revision)}`) ?? {};
      return isCommit(commit) ? commit : undefined;
    },
    setRevision: (revision, commit) => writeJson(`${root}/${revisionFile(revision)}`, { commit }),
    files(commit) {
      const { files } = readJson(`${root}/${listFile(commit)}`) ?? {};
      return Array.isArray(files) && files.every(isFile) ? files : undefined;
    },
    setFiles: (commit, files) => writeJson(`${root}/${listFile(commit)}`, { files }),
    missing: (commit, files) => files.filter((file) => !isWhole(`${folder(commit)}/${file.name}`, file)),
  };
}

function isFile(value: unknown): value is RemoteFile {
  const { name, size } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return typeof name === "string" && Number.isSafeInteger(size);
}

/** An object, or `undefined` where there is no such file or it is damaged: it can be had again. */
function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(Deno.readTextFileSync(path));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw new CheckpointError(`Cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function writeJson(path: string, value: unknown): void {
  onDisk(path, () => {
    const folder = path.replace(/\/[^/]*$/, "");
    Deno.mkdirSync(folder, { recursive: true });
    const temporary = Deno.makeTempFileSync({ dir: folder, prefix: ".tmp-" });
    Deno.writeTextFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
    Deno.renameSync(temporary, path);
  });
}
