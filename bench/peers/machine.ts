/** What the figures of a run belong to. */
export interface Machine {
  /** ISO 8601, UTC. */
  readonly date: string;
  /** Version of Deno. */
  readonly deno: string;
  /** Version of V8. */
  readonly v8: string;
  /** Operating system and architecture: `linux x86_64`. */
  readonly system: string;
  /** Name of the processor. */
  readonly cpu: string;
  /** How many of them the system offers. */
  readonly processors: number;
  /** Hash of the commit, with `-dirty` behind it if files differ from it. */
  readonly commit: string;
}

/** Describes this machine and checkout. */
export async function machine(): Promise<Machine> {
  return {
    date: new Date().toISOString(),
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    cpu: await cpuName(),
    processors: navigator.hardwareConcurrency,
    commit: await output("git", "describe", "--always", "--dirty", "--abbrev=12", "--match=") ?? "unknown",
  };
}

async function cpuName(): Promise<string> {
  if (Deno.build.os === "darwin") return await output("sysctl", "-n", "machdep.cpu.brand_string") ?? "unknown";
  const info = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*: (.*)$/m.exec(info)?.[1] ?? "unknown";
}

/** What a command prints, or nothing if it fails. */
async function output(command: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args,
      cwd: new URL(".", import.meta.url),
      stderr: "null",
    })
      .output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}
