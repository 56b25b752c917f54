import { CheckpointError } from "../../model/source.ts";

/** A model on the hub. */
export interface HubName {
  /** As it was given. */
  readonly text: string;
  /** `org/name`. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** The one file that is wanted: a GGUF. Absent: a folder. */
  readonly file?: string;
}

const PART = /^[A-Za-z0-9](?:[\w.-]*\w)?$/, PREFIX = "hf:";

/** Whether `text` means a model on the hub. */
export function isHubName(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** Reads `hf:org/name[/file.gguf][@revision]`. */
export function parseHubName(text: string): HubName {
  const [path, ...rest] = text.slice(PREFIX.length).split("@"), revision = rest.length ? rest.join("@") : "main";
  const parts = path.split("/"), [, , file] = parts;
  const named = parts.length === 2 || (parts.length === 3 && file.endsWith(".gguf"));
  if (!isHubName(text) || !named || !parts.every((p) => PART.test(p) && !p.includes("..")) || !isRevision(revision)) {
    throw new CheckpointError(
      `Cannot use the model ${JSON.stringify(text)}, expected hf:org/name, hf:org/name@revision or ` +
        "hf:org/name/file.gguf",
    );
  }
  return { text, repo: `${parts[0]}/${parts[1]}`, revision, ...(file !== undefined && { file }) };
}

/** Whether `text` is the full hash of a commit. */
export function isCommit(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{40}$/.test(text);
}

/** What git allows in names of branches and tags, about: no blanks, no ranges. */
function isRevision(text: string): boolean {
  return /^[^\s~^:?*[\\]+$/.test(text) && !text.includes("..") && !text.startsWith("-");
}
