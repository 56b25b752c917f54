/** The page of bench/browser in Chromium. */
import { generateText } from "../model/text.ts";
import { loadEmbedded } from "../plugins/embedded/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertStringIncludes } from "./assert.ts";
import { chromium, openPage, type Page, startServer } from "./browser.ts";

const PROMPT = "Once upon a time", TOKENS = 12; // SwiftShader takes seconds for one

/** What a column of the page came to. */
interface Outcome {
  readonly state: string;
  readonly status: string;
  readonly text: string;
}

/** Presses the button of a column and waits until it is done. */
function run(page: Page, backend: "wasm" | "webgpu"): Promise<Outcome> {
  return page.evaluate(`(async () => {
    const section = document.querySelector("#${backend}"), get = (name) => section.querySelector(name).textContent;
    document.querySelector("#prompt").value = ${JSON.stringify(PROMPT)};
    document.querySelector("#tokens").value = ${TOKENS};
    section.querySelector("button").click();
    while (section.dataset.state === "running") await new Promise((resolve) => setTimeout(resolve, 20));
    return { state: section.dataset.state, status: get(".status"), text: get(".text") };
  })()`);
}

/** The same text here. */
async function greedyText(): Promise<string> {
  using runtime = await createRuntime();
  const { model, tokenizer } = await loadEmbedded(runtime),
    options = { maxTokens: TOKENS, samplers: ["greedy"] } as const;
  let text = PROMPT;
  for await (const piece of generateText(model, tokenizer, PROMPT, options)) text += piece.text;
  return text;
}

Deno.test({
  name: "the page writes in a browser what the model writes here, in WebAssembly and on WebGPU where that is there",
  ignore: !chromium,
  async fn() {
    await using server = await startServer("bench/browser/serve.ts", ["--port", "0"]);
    await using page = await openPage(server.url, "document.body?.dataset.ready === 'true'");
    const expected = await greedyText(), wasm = await run(page, "wasm");
    assertEquals(wasm.state, "done", wasm.status);
    assertEquals(wasm.text, expected);
    assert(/^wasm \w+, \d+ threads?: \d+ tokens\/s/.test(wasm.status), wasm.status);

    const adapter = await page.evaluate<boolean>("navigator.gpu?.requestAdapter().then(Boolean) ?? false");
    const webgpu = await run(page, "webgpu");
    if (!adapter) {
      assertEquals(webgpu.state, "absent");
      assertStringIncludes(webgpu.status, "This browser offers no WebGPU adapter: ");
      return;
    }
    assertEquals(webgpu.state, "done", webgpu.status);
    assertEquals(webgpu.text, expected);
    assert(/^webgpu, .+: \d+ tokens\/s/.test(webgpu.status), webgpu.status);
    assertEquals(await page.evaluate("document.querySelector('#verdict').textContent"), "Both wrote the same.");
  },
});
