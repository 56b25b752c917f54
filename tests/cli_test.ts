import { assert, assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";
import { llama2cFiles, llamaFolder } from "./checkpoint_files.ts";
import { ggufFile, piecesMetadata, smallMetadata, smallTensors } from "./gguf_files.ts";
import { fixtures, hasFixture } from "./support.ts";

const root = new URL("../", import.meta.url).pathname;
const folder = await Deno.makeTempDir();
for (const [name, bytes] of Object.entries(llama2cFiles([16, 24, 1, 2, 1, 13, 40]))) {
  await Deno.writeFile(`${folder}/${name}`, bytes);
}
await Deno.mkdir(`${folder}/llama`);
for (const [name, bytes] of Object.entries(llamaFolder())) await Deno.writeFile(`${folder}/llama/${name}`, bytes);
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const model = `${folder}/model.bin`;
// A model with random weights would end its text anywhere.
await Deno.writeTextFile(
  `${folder}/endless.ts`,
  `export const endless = { name: "endless", logits: (l: Float32Array) => void (l[1] = l[2] = -Infinity) };`,
);

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs generate.ts as README says, from another folder, with the least permission that works. */
async function generate(
  args: readonly string[],
  { stdin, cwd = folder }: { stdin?: string; cwd?: string } = {},
): Promise<Result> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", "--allow-read", `${root}generate.ts`, ...args],
    cwd,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = process.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await process.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

const endless = ["--model", model, "--use", "./endless.ts", "--prompt", "ab"];
const basic = [...endless, "--seed", "1", "--max-tokens", "5"];

Deno.test("generate.ts writes text to stdout, and one line about it to stderr", async () => {
  const { code, out, err } = await generate(basic);
  assertEquals(code, 0, err);
  assertMatch(out, /^ab[\s\S]*\n$/);
  assertMatch(err, /^prefill 4 tokens, \d+\/s; decode 5 tokens, \d+\/s; ended by length; seed 1\n$/);
});

Deno.test("the same seed gives the same text, on any number of threads and from standard input", async () => {
  const runs = await Promise.all([
    generate(basic),
    generate([...basic, "--threads", "1"]),
    generate([...basic, "--threads", "3"]),
    generate(basic.filter((a) => a !== "--prompt" && a !== "ab"), { stdin: "ab\n" }),
    generate(basic.map((a) => a === "ab" ? "-" : a), { stdin: "ab" }),
  ]);
  assertEquals(new Set(runs.map((r) => r.out)).size, 1);
  const others = await Promise.all(
    ["2", "3"].map((seed) => generate([...endless, "--max-tokens", "20", "--seed", seed])),
  );
  assert(new Set(others.map((r) => r.out)).size > 1);
});

Deno.test("--weights holds matrices in blocks: less memory, the same text on any number of threads; f16 is for GPUs", async () => {
  const memory = async (...more: string[]) => {
    const { out } = await generate(["--model", model, "--describe", ...more]);
    return /^memory +(.*)$/m.exec(out)?.[1];
  };
  assertEquals(
    new Set(await Promise.all([memory(), memory("--weights", "q8_0"), memory("--weights", "q4_0")])).size,
    3,
  );
  for (const weights of ["q8_0", "q4_0"]) {
    const runs = await Promise.all(
      [["--threads", "1"], ["--threads", "2", "--stats"], ["--backend", "reference"], ["--activations", "f32"]].map(
        (more) => generate([...basic, "--temperature", "0", "--weights", weights, ...more]),
      ),
    );
    assertEquals(runs.map(({ code }) => code), [0, 0, 0, 0], runs.map(({ err }) => err).join());
    assertEquals(runs[1].out, runs[0].out);
    assertEquals(runs[2].out, runs[0].out);
    assertStringIncludes(runs[1].err, `; weights in ${weights} `);
  }
  const { code, err } = await generate([...basic, "--weights", "f16"]);
  assertEquals([code, err.split("\n")[0]], [
    2,
    "generate.ts: --weights is f16, which --backend wasm has not, expected f32, q8_0 or q4_0",
  ]);
});

Deno.test("--cache-type holds keys and values in less memory, on WASM and the reference, with drafts and in conversations", async () => {
  const cached = async (...more: string[]) => {
    const { out } = await generate(["--model", model, "--describe", ...more]);
    return /(\d[\d.]* \S+) a token/.exec(out)?.[1] ?? out;
  };
  const sizes = await Promise.all(["f32", "f16", "q8_0"].map((type) => cached("--cache-type", type)));
  assertEquals([new Set(sizes).size, await cached()], [3, sizes[0]], sizes.join());
  for (const type of ["f16", "q8_0"]) {
    const ways = [["--threads", "1"], ["--threads", "2"], ["--backend", "reference"], ["--speculate", model]];
    const runs = await Promise.all(
      ways.map((more) => generate([...basic, "--temperature", "0", "--cache-type", type, ...more])),
    );
    assertEquals(runs.map(({ code }) => code), [0, 0, 0, 0], runs.map(({ err }) => err).join());
    assertEquals(new Set(runs.map(({ out }) => out)).size, 1);
    // The embedded model, which knows more than 13 tokens.
    const { code, err } = await generate(["--chat", "--max-tokens", "3", "--cache-type", type], { stdin: "Hello\n" });
    assertEquals(code, 0, err);
  }
  const { code, err } = await generate([...basic, "--cache-type", "q4_0"]);
  assertEquals([code, err.split("\n")[0]], [2, 'generate.ts: --cache-type is "q4_0", expected f32 or f16 or q8_0']);
});

Deno.test("--cache-type with a backend that has only f32 is one line and exit code 1", async () => {
  await Deno.writeTextFile(
    `${folder}/plain.ts`,
    `import { referenceBackend } from "${root}runtime/backend.ts";
export const plain = { name: "plain", backend: (o) => ({ ...referenceBackend(o), name: "plain", caches: undefined }) };`,
  );
  const flags = [
    "--model",
    model,
    "--use",
    "./plain.ts",
    "--backend",
    "plain",
    "--prompt",
    "ab",
    "--cache-type",
    "f16",
  ];
  const { code, out, err } = await generate(flags);
  assertEquals([code, out, err], [1, "", "generate.ts: Cannot keep keys and values in f16 on plain, expected f32\n"]);
});

Deno.test("--json gives an object for each token and a summary", async () => {
  const { out } = await generate([...basic, "--json"]);
  const lines = out.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.length, 6);
  for (const { id, text, logprob } of lines.slice(0, -1)) {
    assert(Number.isInteger(id) && typeof text === "string" && logprob < 0);
  }
  const { text, tokens, prompt, seed, reason } = lines[5];
  assertEquals({ tokens, prompt, seed, reason }, { tokens: 5, prompt: 4, seed: 1, reason: "length" });
  assertEquals(text, lines.slice(0, -1).map((l) => l.text).join(""));
});

Deno.test("every sampling flag changes what is drawn, or is refused", async () => {
  const long = [...endless, "--seed", "1", "--max-tokens", "30", "--json"],
    plain = (await generate([...long, "--min-p", "0"])).out.split('"prefill')[0];
  const chosen = [
    ["--temperature", "0"],
    ["--temperature", "3"],
    ["--top-k", "1"],
    ["--top-p", "0.3"],
    ["--min-p", "0.9"],
    ["--typical", "0.2"],
    ["--repetition-penalty", "5"],
    ["--frequency-penalty", "3"],
    ["--presence-penalty", "5"],
    ["--samplers", '[{"type":"topK","k":2}]'],
  ];
  for (const flags of chosen) {
    const extra = flags[0] === "--min-p" || flags[0] === "--samplers" ? [] : ["--min-p", "0"];
    const { code, out, err } = await generate([...long, ...extra, ...flags]);
    assertEquals(code, 0, err);
    assert(out.split('"prefill')[0] !== plain, `${flags} changed nothing`);
  }
});

Deno.test("--stop ends before the text, --context limits the room, --describe prints a table, --stats says more", async () => {
  const all = (await generate([...endless, "--seed", "1"])).out.trimEnd().slice(2),
    stop = all[Math.floor(all.length / 2)];
  const { out, err } = await generate([...endless, "--seed", "1", "--stop", stop, "--stop", "zzz"]);
  assertEquals(out, `ab${all.slice(0, all.indexOf(stop))}\n`);
  assertStringIncludes(err, "ended by stop");
  assertStringIncludes((await generate([...endless, "--context", "10"])).err, "decode 6 tokens");
  assertMatch((await generate(["--model", model, "--describe"])).out, /blocks\.0\.attention +attention +groupedQuery/);
  assertMatch((await generate([...basic, "--stats"])).err, /backend wasm relaxed[\s\S]*first token after \d+ ms/);
});

Deno.test("a value may begin with a dash", async () => {
  assertEquals((await generate([...basic, "--frequency-penalty", "-2"])).code, 0);
});

Deno.test("--backend reference and --simd baseline are honoured", async () => {
  assertStringIncludes((await generate([...basic, "--stats", "--backend", "reference"])).err, "backend reference");
  assertStringIncludes(
    (await generate([...basic, "--stats", "--simd", "baseline", "--threads", "1"])).err,
    "backend wasm baseline, 1 thread;",
  );
});

const usage: [what: string, args: string[], message: string | RegExp][] = [
  [
    "a flag that does not exist",
    ["--model", model, "--topk", "5"],
    /unknown flag --topk \(did you mean --top-k\?\), expected --model --tokenizer .*--help\nSee generate\.ts --help\.\n$/,
  ],
  ["a value without a flag", ["stories.bin"], 'unexpected argument "stories.bin": values belong behind a flag'],
  ["a number that is none", [...basic, "--top-k", "many"], '--top-k is "many", expected a whole number from 0'],
  ["a number out of range", [...basic, "--top-p", "1.5"], '--top-p is "1.5", expected a number above 0 up to 1'],
  ["a flag without its value", ["--model", model, "--seed"], '--seed is "", expected n'],
  ["a flag given twice", ["--model", model, "--seed", "1", "--seed", "2"], "--seed is given 2 times, expected once"],
  ["samplers that are no JSON", [...basic, "--samplers", "topK"], '--samplers is "topK", expected a JSON list'],
  [
    "samplers twice",
    [...basic, "--samplers", "[]", "--top-k", "3"],
    "--samplers and --top-k are both given, expected one of them",
  ],
  ["a word that is not one of a few", [...basic, "--simd", "sse"], '--simd is "sse", expected relaxed or baseline'],
  [
    "a module that exports nothing useful",
    [...basic, "--use", "./empty.ts"],
    "--use ./empty.ts exports nothing, expected a component or a plugin",
  ],
  ["a module that does not exist", [...basic, "--use", "./nowhere.ts"], "--use ./nowhere.ts cannot be imported: "],
  [
    "no tokenizer",
    ["--model", `${folder}/llama`, "--prompt", "a"],
    "has no tokenizer beside it: name one with --tokenizer",
  ],
];

for (const [what, args, message] of usage) {
  Deno.test(`generate.ts with ${what} says so and exits with 2`, async () => {
    await Deno.writeTextFile(`${folder}/empty.ts`, "");
    const { code, out, err } = await generate(args);
    assertEquals([code, out], [2, ""], err);
    if (typeof message === "string") assertStringIncludes(err, message);
    else assertMatch(err, message);
  });
}

Deno.test("generate.ts with a file that is missing, broken or no checkpoint says so in one line and exits with 1", async () => {
  await Deno.writeFile(`${folder}/broken.bin`, (await Deno.readFile(model)).slice(0, 200));
  for (
    const [name, message] of [
      ["nothing.bin", "generate.ts: Cannot open nothing.bin: there is no such file or folder\n"],
      [
        "broken.bin",
        /^generate\.ts: Cannot read broken\.bin: it has 200 bytes, expected \d+ for the sizes in its header\n$/,
      ],
      ["tokenizer.bin", /^generate\.ts: Cannot read tokenizer\.bin: .*\n$/],
      [
        "empty.ts",
        "generate.ts: Cannot open empty.ts: not a checkpoint that is known, expected one of Hugging Face folder, nanoGPT checkpoint, llama2.c .bin, GGUF\n",
      ],
    ] as const
  ) {
    await Deno.writeTextFile(`${folder}/empty.ts`, "");
    const { code, out, err } = await generate(["--model", name]);
    assertEquals([code, out], [1, ""], err);
    if (typeof message === "string") assertEquals(err, message);
    else assertMatch(err, message);
  }
});

Deno.test("a .gguf file gives text, a description, and one line if it is damaged", async () => {
  const file = ggufFile({ ...smallMetadata, ...piecesMetadata(["\u2581", "a", "b", "ab"]) }, smallTensors(263));
  await Deno.writeFile(`${folder}/small.gguf`, file);
  await Deno.writeFile(`${folder}/cut.gguf`, file.slice(0, -100));
  const { code, out, err } = await generate([
    "--model",
    "small.gguf",
    "--prompt",
    "ab",
    "--max-tokens",
    "3",
    "--seed",
    "1",
  ]);
  assertEquals(code, 0, err);
  assertMatch(out, /^ab[\s\S]*\n$/);
  assertMatch(err, /^prefill 3 tokens, /);
  assertMatch(
    (await generate(["--model", "small.gguf", "--describe"])).out,
    /groupedQuery[\s\S]*parameters {6}17,728 /,
  );
  const { code: failed, err: line } = await generate(["--model", "cut.gguf"]);
  assertEquals(failed, 1);
  assertMatch(line, /^generate\.ts: Cannot read cut\.gguf: at byte \d+ "output_norm\.weight" ends at .*\n$/);
});

Deno.test("a prompt that does not fit the context is refused by its length", async () => {
  const { code, err } = await generate(["--model", model, "--prompt", "abcdefgh".repeat(8)]);
  assertEquals([code, err], [1, "generate.ts: Cannot generate after 66 tokens: the context is 40, expected 1 … 39\n"]);
});

Deno.test("Ctrl-C ends the text cleanly, with its summary", async () => {
  if (!hasFixture("real/stories260K/stories260K.bin")) return;
  const stories = new URL("real/stories260K/stories260K.bin", fixtures).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-read",
      `${root}generate.ts`,
      "--model",
      stories,
      "--backend",
      "reference",
      "--prompt",
      "Once",
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  let out = "";
  while (out.length < 20) out += new TextDecoder().decode((await reader.read()).value);
  process.kill("SIGINT");
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    out += new TextDecoder().decode(value);
  }
  const { code } = await process.status, err = await new Response(process.stderr).text();
  assertEquals(code, 130);
  assertMatch(out, /^Once.*\n$/s);
  assertStringIncludes(err, "ended by interrupted");
});

Deno.test("a reader that stops reading ends generate.ts without an error", async () => {
  const command =
    `"${Deno.execPath()}" run --quiet --allow-read "${root}generate.ts" --model "${model}" --prompt ab | head -c 1`;
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-o", "pipefail", "-c", command],
    stdin: "null",
  }).output();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, "a"], new TextDecoder().decode(stderr));
});

Deno.test("generate.ts asks for no permission but to read", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", `${root}generate.ts`, "--model", model],
    stdin: "null",
  }).output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "no permission to read it, expected --allow-read");
});
