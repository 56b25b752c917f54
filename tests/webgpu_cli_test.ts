/** The commands on other backends: which flags go together, what they say, that they come to what WASM comes to. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";
import { inFolder } from "./disks.ts";
import { finish, type Result, root, spawn, story } from "./processes.ts";
import { assertClose } from "./support.ts";
import { hasWebgpu } from "./webgpu.ts";

/** A plugin that brings a backend. */
const MINE = `import { referenceBackend } from "${root}runtime/backend.ts";
export const mine = { name: "mine", backend: (options) => ({ ...referenceBackend(options), name: "a backend of mine" }) };`;

/** Deno then looks for adapters where none can be, but on Windows. */
const NO_ADAPTER = { DENO_WEBGPU_BACKEND: "dx12" };

/** Runs a command in `cwd`. */
const run = (cwd: string, command: string, ...args: string[]) => finish(spawn(`${root}${command}.ts`, cwd, args));

/** The same where there is no adapter. */
const runWithout = (cwd: string, command: string, ...args: string[]) =>
  finish(spawn(`${root}${command}.ts`, cwd, args, NO_ADAPTER));

const say = ["--prompt", "Once", "--max-tokens", "12", "--temperature", "0", "--stats"];
const sizes = ["--data", "story.txt", "--context", "16", "--batch", "4", "--steps", "6"];
const small = [...sizes, "--dim", "16", "--depth", "1", "--heads", "2", "--skip-costs", "--seeds", "2"];
const train = [...sizes, "--config", "tiny.json"], ablate = [...small, "--vary", "norm=layerNorm"];
const commands: [command: string, args: readonly string[]][] = [["generate", say], ["train", train], [
  "ablate",
  ablate,
]];

/** A folder with a text, a small model and a plugin. */
function workplace<T>(f: (folder: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/story.txt`, story(150));
    await Deno.writeTextFile(`${folder}/tiny.json`, JSON.stringify({ dim: 16, depth: 1, heads: 2 }));
    await Deno.writeTextFile(`${folder}/mine.ts`, MINE);
    return await f(folder);
  });
}

/** What a message says that a driver may have said something before. */
const lastLines = ({ err }: Result, count: number) => err.trimEnd().split("\n").slice(-count).join("\n");

interface Line {
  readonly key: string;
  readonly code: string;
  readonly weights: string;
  readonly score: { readonly loss: number };
}
const resultsIn = (folder: string): Line[] =>
  Deno.readTextFileSync(`${folder}/results.jsonl`).trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test({
  name: "without an adapter --backend webgpu is one line and exit code 1, and auto a note and what WASM does",
  ignore: Deno.build.os === "windows",
  async fn() {
    await workplace(async (folder) => {
      for (const [command, args] of commands) {
        const { code, out, err } = await runWithout(folder, command, ...args, "--backend", "webgpu");
        assertEquals([code, out], [1, ""]);
        assertEquals(
          err,
          `${command}.ts: Cannot use WebGPU: no WebGPU adapter was found, expected a GPU with a driver for Vulkan, Metal or Direct3D 12\n`,
        );
      }
      const plain = await run(folder, "generate", ...say, "--threads", "1");
      const auto = await runWithout(folder, "generate", ...say, "--threads", "1", "--backend", "auto");
      assertEquals([auto.code, auto.out], [0, plain.out]);
      assertMatch(auto.err, /^note: no WebGPU adapter was found: computing with wasm \w+, 1 thread\nprefill /);
      assert(!plain.err.includes("note"));
      const f16 = await runWithout(folder, "generate", ...say, "--backend", "auto", "--weights", "f16");
      assertMatch(f16.err, /\nnote: weights stay f32: wasm \w+, \d threads? has f32, q8_0, q4_0\n/);
      const training = await runWithout(folder, "train", ...train, "--backend", "auto");
      assertMatch(training.err, /\nnote: no WebGPU adapter was found: computing with wasm [^\n]*\ncomputing {2}wasm /);
      const quiet = await runWithout(folder, "train", ...train, "--out", "quiet", "--backend", "auto", "--quiet");
      assertEquals([quiet.code, quiet.err], [0, ""]);
      const { code, err } = await runWithout(folder, "ablate", ...ablate, "--backend", "auto");
      assertEquals(code, 0, err);
      assertMatch(err, /^note: no WebGPU adapter was found: computing with wasm \w+, \d threads?\n\[1\/4\] /);
    });
  },
});

Deno.test("a backend that a plugin brings is chosen by its name, in every command", async () => {
  await workplace(async (folder) => {
    const mine = ["--use", "./mine.ts", "--backend", "mine"];
    const plain = await run(folder, "generate", ...say), text = await run(folder, "generate", ...say, ...mine);
    assertEquals([text.code, text.out], [0, plain.out]);
    assertStringIncludes(text.err, "\nbackend a backend of mine; ");
    assertMatch((await run(folder, "train", ...train, ...mine)).err, /\ncomputing {2}a backend of mine\n/);

    const own = await run(folder, "ablate", ...ablate, ...mine, "--jobs", "2");
    assertEquals(own.code, 0, own.err);
    const before = resultsIn(`${folder}/ablation`);
    assert(before.every(({ code }) => /^\S+ mine [0-9a-f]{16}$/.test(code)));
    assertStringIncludes(
      JSON.parse(Deno.readTextFileSync(`${folder}/ablation/outcome.json`)).machine,
      "a backend of mine",
    );
    // On WASM they are other trials.
    assertEquals((await run(folder, "ablate", ...ablate)).code, 0);
    const all = resultsIn(`${folder}/ablation`), keys = new Set(all.map(({ key }) => key));
    assertEquals([before.length, all.length, keys.size], [4, 8, 8]);
    assertEquals(new Set(all.map(({ weights }) => weights)).size, 8, "trials have not run on what they say");
  });
});

Deno.test("flags of the backend that do not go together are refused, by all commands", async () => {
  await workplace(async (folder) => {
    const idle = (flag: string, backend: string) =>
      `--${flag} and --backend ${backend} are both given, expected --${flag} with wasm`;
    const wrong: [args: string[], message: string, commands?: string[]][] = [
      [["--backend", "cuda"], '--backend is "cuda", expected wasm or webgpu or auto or reference'],
      [
        ["--backend", "cuda", "--use", "./mine.ts"],
        '--backend is "cuda", expected wasm or webgpu or auto or reference or mine',
      ],
      [["--backend", "webgpu", "--threads", "2"], idle("threads", "webgpu")],
      [["--backend", "reference", "--threads", "2"], idle("threads", "reference")],
      [["--backend", "webgpu", "--simd", "baseline"], idle("simd", "webgpu"), ["generate", "ablate"]],
      [["--backend", "webgpu", "--jobs", "2"], idle("jobs", "webgpu"), ["ablate"]],
      [["--weights", "f16"], "--weights is f16, which --backend wasm has not, expected f32, q8_0 or q4_0", [
        "generate",
      ]],
      [
        ["--weights", "f16", "--backend", "reference"],
        "--weights is f16, which --backend reference has not, expected f32, q8_0 or q4_0",
        ["generate"],
      ],
      [
        ["--weights", "q8_0", "--activations", "f32", "--backend", "webgpu"],
        "--activations and --backend webgpu are both given, expected --activations with wasm",
        ["generate"],
      ],
    ];
    for (const [flags, message, only] of wrong) {
      for (const [command, args] of commands) {
        if (only && !only.includes(command)) continue;
        const { code, out, err } = await run(folder, command, ...args, ...flags);
        assertEquals([code, out, err], [2, "", `${command}.ts: ${message}\nSee ${command}.ts --help.\n`]);
      }
    }
    assertEquals([...Deno.readDirSync(folder)].length, 3, "nothing has been written");
  });
});

Deno.test({
  name: "generate.ts --backend webgpu writes the text of WASM, and --stats says what the GPU did",
  ignore: !hasWebgpu,
  async fn() {
    await workplace(async (folder) => {
      const plain = await run(folder, "generate", ...say),
        gpu = await run(folder, "generate", ...say, "--backend", "webgpu");
      assertEquals([gpu.code, gpu.out], [0, plain.out], gpu.err);
      assertMatch(
        lastLines(gpu, 3),
        /^backend webgpu, .+; weights in f32 .+\nadapter .+; \d+ buffers of \d+\.\d MiB, \d+ pipelines; for each token \d+\.\d dispatches, \d+\.\d submissions\nstart and load /,
      );
      const half = await run(folder, "generate", ...say, "--backend", "webgpu", "--weights", "f16");
      assertEquals(half.code, 0, half.err);
      assertMatch(lastLines(half, 3), /^backend webgpu, .+; weights in f16 /);
    });
  },
});

Deno.test({
  name: "ablate.ts --backend webgpu runs one training after another, with keys of its own and losses of WASM",
  ignore: !hasWebgpu,
  async fn() {
    await workplace(async (folder) => {
      const gpu = await run(folder, "ablate", ...ablate, "--backend", "webgpu");
      assertEquals(gpu.code, 0, gpu.err);
      const own = resultsIn(`${folder}/ablation`);
      assert(own.every(({ code }) => /^\S+ webgpu [0-9a-f]{16}$/.test(code)));
      assertMatch(JSON.parse(Deno.readTextFileSync(`${folder}/ablation/outcome.json`)).machine, /^webgpu, .*, Deno /);
      const again = await run(folder, "ablate", ...ablate, "--backend", "webgpu");
      assertMatch(lastLines(again, 1), /^4 of 4 trainings are there already$/);
      assertEquals((await run(folder, "ablate", ...ablate)).code, 0);
      const all = resultsIn(`${folder}/ablation`), wasm = all.filter(({ code }) => !code.includes("webgpu"));
      assertEquals([own.length, wasm.length, all.length], [4, 4, 8]);
      const losses = (lines: readonly Line[]) => lines.map(({ score }) => score.loss);
      assertClose(losses(own), losses(wasm), 1e-3, "losses");
    });
  },
});
