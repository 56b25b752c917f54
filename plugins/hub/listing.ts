import { listFiles, modelInfo } from "@huggingface/hub";
import { CheckpointError } from "../../model/source.ts";
import { weightFiles } from "../huggingface/tensors.ts";
import { isCommit } from "./name.ts";
import { BrokenConnection, persistently, request, type Requester } from "./request.ts";

/** A file of a model on the hub. */
export interface RemoteFile {
  /** Its name, in the top folder. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** SHA-256 of its bytes, where it is kept outside of git; in hexadecimal. */
  readonly sha256?: string;
  /** Hash of the git blob with its bytes, otherwise. */
  readonly blob?: string;
}

/** Configs, tokenizers and chat templates, as far as anything here reads them. */
const SMALL = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
];
/** What the names of files end with that name the shards of weights. */
const INDEX = ".index.json";

/** The commit that a revision stands for at the moment. */
export async function resolveRevision(requester: Requester): Promise<string> {
  const { name: { repo, revision, text } } = requester;
  const { sha } = await ask(
    requester,
    (options) => modelInfo({ ...options, name: repo, revision, additionalFields: ["sha"] }),
  );
  if (isCommit(sha)) return sha;
  throw new CheckpointError(`Cannot download ${text}: the hub names commit ${JSON.stringify(sha)}, expected a hash`);
}

/** The files in the top folder of a commit. */
export async function listCommit(requester: Requester, commit: string): Promise<RemoteFile[]> {
  const { name: { repo, text } } = requester;
  const entries = await ask(
    requester,
    (options) => Array.fromAsync(listFiles({ ...options, repo: { type: "model", name: repo }, revision: commit })),
  );
  const files = entries.filter(({ type, path }) => type === "file" && isPlain(path));
  return files.map(({ path, size, oid, lfs }) => {
    const hash = lfs?.oid ?? oid, digits = lfs ? 64 : 40;
    if (!(Number.isSafeInteger(size) && size >= 0) || (lfs && lfs.size !== size)) {
      throw new CheckpointError(`Cannot download ${text}: the hub lists ${path} with a size of ${size}`);
    }
    if (hash !== undefined && !(hash.length === digits && /^[0-9a-f]+$/.test(hash))) {
      throw new CheckpointError(
        `Cannot download ${text}: the hub lists ${path} with a hash of ${JSON.stringify(hash)}`,
      );
    }
    return { name: path, size, ...(lfs ? { sha256: lfs.oid } : oid !== undefined && { blob: oid }) };
  });
}

/** Names of files that stay in their folder. */
function isPlain(name: unknown): boolean {
  return typeof name === "string" && /^[^/\\]+$/.test(name) && name !== "." && name !== "..";
}

/**
 * The files of `listed` that make a checkpoint, with the weights that a reader of the folder will take; shards of weights
 * are named by an index, and are not among them yet.
 */
export function checkpointFiles(
  { text, file }: Requester["name"],
  listed: readonly RemoteFile[],
): { readonly files: readonly RemoteFile[]; readonly index?: RemoteFile } {
  const find = (name: string) => listed.find((f) => f.name === name);
  if (file !== undefined) {
    const found = find(file);
    if (found) return { files: [found] };
    const others = listed.filter((f) => f.name.endsWith(".gguf")).map((f) => f.name);
    throw new CheckpointError(
      `Cannot download ${text}: it has no ${file}, expected ${others.join(" or ") || "a model with GGUF files"}`,
    );
  }
  const small = SMALL.flatMap((name) => find(name) ?? []),
    weights = weightFiles.flatMap((name) => find(name) ?? []).at(0);
  const missing = !find("config.json") ? "config.json" : weightFiles.join(" or ");
  if (!find("config.json") || !weights) {
    const ggufs = listed.filter((f) => f.name.endsWith(".gguf")).map((f) => f.name);
    const instead = ggufs.length ? ` (it has ${ggufs.slice(0, 3).join(", ")}: name one of them)` : "";
    throw new CheckpointError(`Cannot download ${text}: it has no ${missing}${instead}`);
  }
  return { files: [...small, weights], ...(weights.name.endsWith(INDEX) && { index: weights }) };
}

/** The shards that the text of an index of that name names. */
export function shardFiles(
  { text }: Requester["name"],
  name: string,
  index: string,
  listed: readonly RemoteFile[],
): readonly RemoteFile[] {
  let names: unknown[];
  try {
    names = Object.values(JSON.parse(index).weight_map);
  } catch {
    throw new CheckpointError(`Cannot download ${text}: its ${name} has no weight_map`);
  }
  return [...new Set(names)].map((shard) => {
    const found = listed.find((f) => f.name === shard);
    if (found) return found;
    throw new CheckpointError(
      `Cannot download ${text}: its ${name} names ${JSON.stringify(shard)}, which is not among its files`,
    );
  });
}

/** What every function of the package takes. */
interface HubOptions {
  readonly hubUrl: string;
  readonly accessToken: string;
  readonly fetch: typeof fetch;
}

/** Asks through the package, with {@linkcode request} in place of `fetch`: its errors say what they mean. */
async function ask<T>(requester: Requester, f: (options: HubOptions) => Promise<T>): Promise<T> {
  const { settings: { endpoint, token }, patience, name } = requester;
  // The package takes no `undefined` for a token under exactOptionalPropertyTypes, but "" for none.
  const options = {
    hubUrl: endpoint,
    accessToken: token ?? "",
    fetch: ((u, i) => request(requester, u, i)) as typeof fetch,
  };
  return await persistently(patience, async () => {
    try {
      return await f(options);
    } catch (error) {
      if (error instanceof CheckpointError || error instanceof BrokenConnection) throw error;
      throw new CheckpointError(`Cannot ask the hub about ${name.text}: ${(error as Error).message}`, { cause: error });
    }
  });
}
