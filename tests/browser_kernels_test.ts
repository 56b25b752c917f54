/** Kernels in Chromium: Tint compiles every shader without a remark, and every op gives what the reference gives. */
import { attentionShader } from "../kernels/wgsl/attention.ts";
import { attentionRowsShader } from "../kernels/wgsl/attention_rows.ts";
import { attentionWeightsShader } from "../kernels/wgsl/attention_weights.ts";
import type { Shader } from "../kernels/wgsl/shader.ts";
import type { Constant } from "../runtime/webgpu/source.ts";
import { assertEquals } from "./assert.ts";
import { chromium, openPage, type Page } from "./browser.ts";
import type { KernelChecks } from "./browser_kernels.ts";
import { opCases } from "./cases.ts";
import { root } from "./processes.ts";

/** One op alone, as in tests/webgpu_parity_test.ts. */
const only = Deno.env.get("TENON_OP");

/** Serves a page with tests/browser_kernels.ts in it. */
async function serveKernels(): Promise<{ url: string } & AsyncDisposable> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", `${root}tests/browser_kernels.ts`],
    cwd: root,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const server = Deno.serve(
    { hostname: "localhost", port: 0, onListen() {} },
    (request) =>
      new URL(request.url).pathname === "/kernels.js"
        ? new Response(stdout, { headers: { "content-type": "text/javascript", ...ISOLATED } })
        : new Response(PAGE, { headers: { "content-type": "text/html", ...ISOLATED } }),
  );
  return { url: `http://localhost:${server.addr.port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
}

const PAGE = `<!doctype html><title>kernels</title><script type="module" src="kernels.js"></script>`;
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

/** Calls a function of the page. */
function call<F extends keyof KernelChecks>(page: Page, name: F, ...args: Parameters<KernelChecks[F]>) {
  return page.evaluate<Awaited<ReturnType<KernelChecks[F]>>>(`checks.${name}(...${JSON.stringify(args)})`);
}

/** Shaders that are made as they are needed: those of attention over packed caches, few of which cases reach. */
function made(): Shader[] {
  return (["f16", "q8_0"] as const).flatMap((kept) => [
    ...[1, 2, 4].map((columns) => attentionShader(columns, kept)),
    ...[1, 4, 8].map((rows) => attentionRowsShader(rows, kept)),
    attentionWeightsShader(kept),
  ]);
}

/** Every shader that a file of kernels/wgsl exports. */
async function shaders(): Promise<Shader[]> {
  const found: Shader[] = [], folder = new URL("../kernels/wgsl/", import.meta.url);
  for (const { name } of Deno.readDirSync(folder)) {
    for (const value of Object.values(await import(new URL(name, folder).href))) {
      const list = typeof value === "object" && value ? [value, ...Object.values(value)] : [];
      found.push(...list.filter((v): v is Shader => !!v && typeof v.code === "string" && typeof v.name === "string"));
    }
  }
  return found;
}

/**
 * Values of a shader's constants: every combination of its switches, and 64 for what its code computes with. For shaders
 * that no case reaches: those of large matrices and of f16.
 */
function variants({ constants = [], code }: Shader): Constant[][] {
  const isNumber = (name: string) => new RegExp(`[-+*/%<>] *${name}\\b|\\b${name} *[-+*/%<>]`).test(code);
  return constants.reduce<Constant[][]>(
    (all, name) => all.flatMap((some) => (isNumber(name) ? [64] : [false, true]).map((value) => [...some, value])),
    [[]],
  );
}

Deno.test({
  name: "kernels in a browser: no remark of its compiler, and the reference's results",
  ignore: !chromium,
  async fn(t) {
    await using server = await serveKernels();
    await using page = await openPage(server.url, "typeof checks === 'object'");
    const adapter = await call(page, "adapter");
    if (!adapter) return console.log("this Chromium has no WebGPU adapter: its kernels are left out");
    const ways = adapter.subgroups ? [true, false] : [false];
    for (const op of (Object.keys(opCases) as (keyof typeof opCases)[]).filter((op) => !only || op === only)) {
      let again = true;
      for (const way of ways) {
        if (!again) continue; // the same code, were it run without subgroups
        await t.step(`${op} on ${adapter.name}${way ? ", subgroups" : ""}`, async () => {
          const { wrong, subgroups } = await call(page, "checkOp", op, way);
          again = subgroups;
          assertEquals(wrong, []);
        });
      }
    }
    await t.step("every shader is compiled, without a remark", async () => {
      const before = new Set((await call(page, "compiled")).shaders), rest = only ? [] : await shaders();
      for (const shader of [...rest.filter(({ name }) => !before.has(name)), ...made()]) {
        for (const constants of variants(shader)) {
          for (const subgroups of ways) await call(page, "compile", shader, constants, subgroups);
        }
      }
      const after = await call(page, "compiled");
      assertEquals(after.remarks, []);
      assertEquals(rest.map(({ name }) => name).filter((name) => !after.shaders.includes(name)), []);
    });
  },
});
