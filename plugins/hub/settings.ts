import { CheckpointError } from "../../model/source.ts";

/** Where models come from and go to. */
export interface HubSettings {
  /** Address of the hub. Default: `HF_ENDPOINT`, or https://huggingface.co. */
  readonly endpoint: string;
  /** Lets in to private and gated models. Default: `HF_TOKEN`. */
  readonly token: string | undefined;
  /** Folder of downloads. Default: `TENON_CACHE`, or `tenon` in the platform's folder for caches. */
  readonly cache: string;
}

/** The settings that the environment asks for. Needs permission to read it. */
export function hubSettings(given: Partial<HubSettings> = {}): HubSettings {
  const endpoint = (given.endpoint ?? variable("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
  if (!/^https?:\/\/[^/]/.test(endpoint)) {
    throw new CheckpointError(
      `Cannot use HF_ENDPOINT ${JSON.stringify(endpoint)}, expected an address such as https://…`,
    );
  }
  return { endpoint, token: given.token ?? variable("HF_TOKEN"), cache: given.cache ?? cacheFolder() };
}

/** The folder for what can be downloaded again. */
function cacheFolder(): string {
  const own = variable("TENON_CACHE");
  if (own !== undefined) return own;
  const { os } = Deno.build;
  const [name, below] = os === "windows"
    ? ["LOCALAPPDATA", ""]
    : os === "darwin"
    ? ["HOME", "/Library/Caches"]
    : variable("XDG_CACHE_HOME") !== undefined
    ? ["XDG_CACHE_HOME", ""]
    : ["HOME", "/.cache"];
  const base = variable(name);
  if (base === undefined) {
    throw new CheckpointError(`Cannot choose a folder for downloads: ${name} is not set, expected it or TENON_CACHE`);
  }
  return `${base}${below}/tenon`;
}

function variable(name: string): string | undefined {
  try {
    return Deno.env.get(name) || undefined;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new CheckpointError(`Cannot read ${name}: no permission, expected --allow-env to use the hub`);
  }
}
