import { createModel } from "../model/decoder.ts";
import { generate } from "../model/generator.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals } from "./assert.ts";
import { llama2cFiles } from "./checkpoint_files.ts";
import { testComponent } from "./kit.ts";
import { dynamicTanh, gatedAttention, topNSigma } from "./third_party.ts";

Deno.test("a third-party norm passes the conformance kit", () =>
  testComponent(dynamicTanh, { config: { alpha: 0.8 } }));
Deno.test("a third-party attention passes the conformance kit", () => testComponent(gatedAttention));
Deno.test("a third-party sampler passes the conformance kit", () => testComponent(topNSigma));

Deno.test("they work together, in one model", async () => {
  using runtime = await createRuntime();
  const config = {
    vocab: 50,
    context: 20,
    dim: 16,
    depth: 2,
    heads: 2,
    norm: [{ type: "rmsNorm" }, { type: "dynamicTanh", alpha: 0.8 }],
    attention: "gatedAttention",
  } as const;
  using model = createModel(runtime, config, { components: [dynamicTanh, gatedAttention] });
  assert(model.params.has("blocks.1.norm1.alpha") && model.params.has("blocks.0.attention.gate.weight"));
  const ids = [];
  const options = { samplers: [{ type: "topNSigma", n: 2 }], components: [topNSigma], maxTokens: 5 } as const;
  for await (const { id } of generate(model, [1, 2], options)) ids.push(id);
  assertEquals(ids.length, 5);
});

Deno.test("README shows them as they are", async () => {
  const [readme, source] = await Promise.all(
    ["../README.md", "./third_party.ts"].map((name) => Deno.readTextFile(new URL(name, import.meta.url))),
  );
  for (const part of source.split(/\n(?=\/\*\*)/).slice(1)) assert(readme.includes(part.trim()), part);
});

Deno.test("generate.ts --use takes them from a module", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, bytes] of Object.entries(llama2cFiles())) await Deno.writeFile(`${folder}/${name}`, bytes);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--allow-read",
        "generate.ts",
        "--model",
        `${folder}/model.bin`,
        "--prompt",
        "a",
        "--use",
        "./tests/third_party.ts",
        "--samplers",
        '[{"type":"topNSigma","n":1}]',
        "--max-tokens",
        "3",
      ],
      cwd: new URL("../", import.meta.url).pathname,
      stdin: "null",
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
