/** Chromium in tests: pages of a headless one, through the DevTools protocol. */
import { root } from "./processes.ts";

/**
 * WebGPU is behind a flag where the adapter is software; the sandbox and QUIC need what containers lack, the rest keeps a
 * new profile quiet.
 */
const FLAGS = [
  "--headless",
  "--enable-unsafe-webgpu",
  "--no-sandbox",
  "--disable-gpu-sandbox",
  "--disable-dev-shm-usage",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--remote-debugging-port=0",
];

/** The command that starts a Chromium, if there is one; says once where there is none. */
export const chromium: string | undefined = ["chromium", "chromium-browser", "google-chrome"].find((command) => {
  try {
    return new Deno.Command(command, { args: ["--version"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
});
console.log(chromium ? `tests of pages use ${chromium}` : "no Chromium: tests of pages are left out");

/** A page in a browser of its own. */
export interface Page extends AsyncDisposable {
  /** The value of a JavaScript expression, awaited; must be JSON. Throws what it throws. */
  evaluate<T>(expression: string): Promise<T>;
}

/** Opens `url` and waits until `ready`, an expression, is true. */
export async function openPage(url: string, ready = "document.readyState === 'complete'"): Promise<Page> {
  const profile = await Deno.makeTempDir({ prefix: "tenon-browser" });
  const args = [...FLAGS, `--user-data-dir=${profile}`, "about:blank"];
  const child = new Deno.Command(chromium!, { args, stdout: "null", stderr: "piped" }).spawn();
  const lines = await firstMatch(child.stderr, /ws:\/\/(\S+?)\//);
  const response = await fetch(`http://${lines[1]}/json/new?${url}`, { method: "PUT" });
  const call = await connect((await response.json()).webSocketDebuggerUrl);
  const page: Page = {
    async evaluate<T>(expression: string) {
      const { result, exceptionDetails } = await call("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (!exceptionDetails) return result.value as T;
      throw new Error(`In the page: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    },
    async [Symbol.asyncDispose]() {
      await call("Browser.close", {}).catch(() => {});
      await child.status;
      await Deno.remove(profile, { recursive: true }).catch(() => {}); // its helpers may still be writing there
    },
  };
  for (let left = 300; !await page.evaluate(ready).catch(() => false); left--) {
    if (!left) throw new Error(`${url} is not ready after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return page;
}

/** Starts a server that prints its address: `deno run -A <script> <args>`. */
export async function startServer(script: string, args: readonly string[]): Promise<{ url: string } & AsyncDisposable> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", `${root}${script}`, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const [url] = await firstMatch(child.stdout, /http:\S+/);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.status;
    },
  };
}

/** The first match in what a process says; the rest is read and forgotten, so that it never waits to be read. */
async function firstMatch(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<RegExpMatchArray> {
  const reader = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let said = "", found: RegExpMatchArray | null = null;
  while (!found) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`It ended, having said:\n${said}`);
    found = (said += value).match(pattern);
  }
  (async () => {
    while (!(await reader.read()).done);
  })();
  return found;
}

/** What `Runtime.evaluate` answers. */
interface Evaluated {
  readonly result: { readonly value?: unknown };
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
}

type Call = (method: string, params: object) => Promise<Evaluated>;

/** Calls of the DevTools protocol. https://chromedevtools.github.io/devtools-protocol */
async function connect(address: string): Promise<Call> {
  const socket = new WebSocket(address), waiting = new Map<number, PromiseWithResolvers<Evaluated>>();
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data), caller = waiting.get(id);
    if (error) caller?.reject(new Error(error.message));
    else caller?.resolve(result);
    waiting.delete(id);
  };
  socket.onclose = () => {
    for (const { reject } of waiting.values()) reject(new Error("the browser has gone"));
  };
  let calls = 0;
  return (method, params) => {
    const caller = Promise.withResolvers<Evaluated>();
    waiting.set(++calls, caller);
    socket.send(JSON.stringify({ id: calls, method, params }));
    return caller.promise;
  };
}
