/**
 * A page in which the embedded model writes a story, in WebAssembly and on WebGPU, side by side.
 *
 *     deno run -A bench/browser/serve.ts
 *     deno run -A bench/browser/serve.ts --port 8080
 *
 * Bundles page.ts with `deno bundle`, serves it on this machine alone and prints the address. The page uses nothing but
 * `@tenon/tenon` and `@tenon/tenon/embedded`. Memory that WebAssembly threads share needs the two headers below:
 * https://developer.mozilla.org/docs/Web/API/Window/crossOriginIsolated. Exit codes: 0 ok, 1 failure, 2 usage.
 *
 * @module
 */
import { amount, flagHelp, parseFlags, toggle } from "../../plugins/cli/flags.ts";
import { print, runCommand } from "../../plugins/cli/terminal.ts";

const flags = {
  port: amount("n", "default 8000; 0: any that is free", { min: 0, max: 65535 }),
  help: toggle("print this"),
};

const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

async function bundle(): Promise<Uint8Array<ArrayBuffer>> {
  const path = (file: string) => new URL(file, import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--config", path("../../deno.json"), path("page.ts")],
  }).output();
  if (!success) throw new Error(`Cannot bundle page.ts: ${new TextDecoder().decode(stderr).trim()}`);
  return stdout;
}

async function main(args: readonly string[]): Promise<number> {
  const { port = 8000, help } = parseFlags(args, flags);
  if (help) return print(`Usage: deno run -A bench/browser/serve.ts [flags]\n\n${flagHelp(flags)}\n`), 0;
  const script = await bundle(), page = await Deno.readFile(new URL("index.html", import.meta.url));
  const files = new Map([
    ["/", { body: page, type: "text/html; charset=utf-8" }],
    ["/page.js", { body: script, type: "text/javascript; charset=utf-8" }],
  ]);
  const onListen = (address: Deno.NetAddr) => void print(`http://localhost:${address.port}/\n`);
  const server = Deno.serve({ hostname: "localhost", port, onListen }, (request) => {
    const file = files.get(new URL(request.url).pathname);
    if (!file) return new Response("not here\n", { status: 404, headers: ISOLATED });
    return new Response(file.body, { headers: { ...ISOLATED, "content-type": file.type } });
  });
  await server.finished;
  return 0;
}

if (import.meta.main) await runCommand("bench/browser/serve.ts", main);
