/** Models from a hub that is not always well: what arrives is whole, checked and under its own commit, or not there. */
import { CheckpointError } from "../model/source.ts";
import { bar } from "../plugins/cli/hub_command.ts";
import { downloadModel, type DownloadOptions } from "../plugins/hub/mod.ts";
import { parseHubName } from "../plugins/hub/name.ts";
import { hubSettings } from "../plugins/hub/settings.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "./assert.ts";
import { llamaFolder, shardedFolder } from "./checkpoint_files.ts";
import { type Behaviour, commitOf, type HubFiles, type HubServer, openHub } from "./hub_server.ts";
import { root } from "./processes.ts";

for (const name of ["HF_TOKEN", "HF_ENDPOINT", "TENON_CACHE"]) Deno.env.delete(name);

const textFile = (text: string) => new TextEncoder().encode(text);
const weights = Uint8Array.from({ length: 30_000 }, (_, i) => i * i % 251);
const files: HubFiles = {
  "README.md": textFile("# A model"),
  "config.json": textFile('{"model_type":"llama"}'),
  "model.safetensors": weights,
  "pytorch_model.bin": textFile("not wanted"),
  "tokenizer.json": textFile("{}"),
  "tokenizer_config.json": textFile('{"eos_token":"</s>"}'),
  "empty.txt": textFile(""),
  "generation_config.json": textFile(""),
};
const wanted = [
  "config.json",
  "generation_config.json",
  "model.safetensors",
  "tokenizer.json",
  "tokenizer_config.json",
];
const NAME = "hf:org/name", MAIN = commitOf("a");
const patience = { silence: 300, tries: 3, wait: 1 };

/** A hub and an empty folder, for one test. */
async function withHub(
  contents: HubFiles,
  behaviour: Behaviour,
  f: (
    hub: HubServer,
    get: (name?: string, options?: DownloadOptions) => Promise<string>,
    cache: string,
  ) => Promise<void>,
): Promise<void> {
  const cache = await Deno.makeTempDir();
  await using hub = openHub(contents, behaviour);
  try {
    const get = (name = NAME, options: DownloadOptions = {}) =>
      downloadModel(name, { endpoint: hub.endpoint, cache, patience, ...options });
    await f(hub, get, cache);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map((e) => e.name).sort();

function expectFiles(folder: string, contents: HubFiles, expected: readonly string[]): void {
  assertEquals(names(folder), [...expected].sort());
  for (const name of expected) assertEquals(Deno.readFileSync(`${folder}/${name}`), contents[name], name);
}

/** No file of the commit has its final name but those of `allowed`. */
function expectNothing(cache: string, allowed: readonly string[] = []): void {
  try {
    const found = names(`${cache}/hub/org--name/${MAIN}`).filter((name) => !allowed.includes(name));
    assertEquals(found, []);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

const failure = async (f: () => Promise<unknown>) => {
  const { message } = await assertRejects(f, CheckpointError);
  assert(!message.includes("\n"), message);
  return message;
};

Deno.test("a model is downloaded once, without what nobody reads, and found again", async () => {
  await withHub(files, {}, async (hub, get, cache) => {
    const progress: [number, number, string][] = [];
    const folder = await get(NAME, { onProgress: (...p) => progress.push(p) });
    assertEquals(folder, `${cache}/hub/org--name/${MAIN}`);
    expectFiles(folder, files, wanted);
    const total = wanted.reduce((sum, name) => sum + files[name].length, 0);
    assertEquals(progress.at(-1)!.slice(0, 2), [total, total]);
    assert(progress.every(([done], i) => i === 0 || done >= progress[i - 1][0]));
    assert(progress.some(([, , name]) => name === "model.safetensors"));
    assertEquals(names(`${cache}/hub/org--name/partial`), []);

    hub.log.length = 0;
    assertEquals(await get(), folder);
    assertEquals(hub.log, ["GET /api/models/org/name/revision/main"]); // main may have moved
    hub.log.length = 0;
    assertEquals(await get(`${NAME}@${MAIN}`), folder); // a commit does not
    assertEquals(await get(NAME, { offline: true }), folder);
    assertEquals(await get(`${NAME}@${MAIN}`, { offline: true }), folder);
    assertEquals(hub.log, []);
  });
});

Deno.test("a checkpoint in shards has those that its index names", async () => {
  const sharded: HubFiles = { ...shardedFolder(), "model-00003-of-00002.safetensors": textFile("not wanted") };
  await withHub(sharded, {}, async (_hub, get) => {
    expectFiles(await get(), sharded, Object.keys(shardedFolder()));
  });
});

Deno.test("weights in PyTorch's own files are fetched only where there are no safetensors, in shards, too", async () => {
  const { "model.safetensors": _, ...old } = files;
  await withHub(old, {}, async (_hub, get) => {
    expectFiles(await get(), old, [...wanted.filter((name) => name !== "model.safetensors"), "pytorch_model.bin"]);
  });
  const [first, second] = [1, 2].map((n) => `pytorch_model-0000${n}-of-00002.bin`),
    INDEX = "pytorch_model.bin.index.json";
  const index = (names: readonly string[]) =>
    textFile(JSON.stringify({ weight_map: Object.fromEntries(names.map((name, i) => [`weight${i}`, name])) }));
  const shards: HubFiles = {
    "config.json": files["config.json"],
    [first]: weights,
    [second]: textFile("second"),
    [INDEX]: index([first, second, first]),
    "training_args.bin": textFile("not wanted"),
  };
  await withHub(shards, {}, async (_hub, get) => {
    expectFiles(await get(), shards, ["config.json", first, second, INDEX]);
  });
  await withHub({ ...shards, ...shardedFolder() }, {}, async (_hub, get) => {
    const folder = await get();
    assertEquals(names(folder), Object.keys(shardedFolder()).sort());
  });
  await withHub({ ...shards, [INDEX]: index(["../x.bin"]) }, {}, async (_hub, get) => {
    assertStringIncludes(await failure(() => get()), `its ${INDEX} names "../x.bin", which is not among its files`);
  });
});

Deno.test("one file of a model can be named", async () => {
  const contents = { ...files, "model.q8_0.gguf": weights };
  await withHub(contents, {}, async (hub, get, cache) => {
    const path = await get(`${NAME}/model.q8_0.gguf@main`);
    assertEquals(path, `${cache}/hub/org--name/${MAIN}/model.q8_0.gguf`);
    assertEquals(Deno.readFileSync(path), weights);
    // It does not stand for the rest.
    assertStringIncludes(await failure(() => get(NAME, { offline: true })), "it has not been downloaded");
    assertEquals(await get(`${NAME}/model.q8_0.gguf`, { offline: true }), path);
    expectFiles(await get(), contents, [...wanted, "model.q8_0.gguf"]);
    assertEquals(
      await failure(() => get(`${NAME}/other.gguf`)),
      "Cannot download hf:org/name/other.gguf: it has no other.gguf, expected model.q8_0.gguf",
    );
    delete (hub.commits[MAIN] as Record<string, unknown>)["model.safetensors"];
    hub.revisions.main = commitOf("b");
    hub.commits[commitOf("b")] = { "config.json": files["config.json"], "model.q8_0.gguf": weights };
    assertEquals(
      await failure(() => get()),
      "Cannot download hf:org/name: it has no model.safetensors or model.safetensors.index.json or pytorch_model.bin or " +
        "pytorch_model.bin.index.json (it has model.q8_0.gguf: name one of them)",
    );
  });
});

Deno.test("connections that are cut are gone on with where they ended", async () => {
  await withHub(files, { cut: 4_000 }, async (hub, get) => {
    expectFiles(await get(), files, wanted);
    const ranges = hub.log.filter((l) => l.includes("model.safetensors")).map((l) => l.match(/bytes=(\d+)-/)![1]);
    assert(ranges.length >= 8, String(ranges));
    assert(ranges.every((r, i) => i === 0 || Number(r) > Number(ranges[i - 1])), String(ranges));
    assert(hub.sent < weights.length * 1.5, `${hub.sent} bytes were sent`);
  });
});

Deno.test("a download that dies keeps what came, under no final name, and goes on the next time", async () => {
  await withHub(files, { cut: 4_000 }, async (hub, get, cache) => {
    hub.behaviour.answers = (_request, path) =>
      hub.sent > 10_000 && path.includes("/resolve/") ? new Response("busy", { status: 503 }) : undefined;
    assertMatch(
      await failure(() => get()),
      /^Cannot download hf:org\/name: the hub says 503 Service Unavailable; tried 3 times$/,
    );
    expectNothing(cache, wanted.filter((name) => name !== "model.safetensors"));
    const [partial] = names(`${cache}/hub/org--name/partial`);
    const { size } = Deno.statSync(`${cache}/hub/org--name/partial/${partial}`);
    assert(size > 0 && size < weights.length);
    assertStringIncludes(await failure(() => get(NAME, { offline: true })), "it has not been downloaded");
    assertEquals(
      await failure(() => get(`${NAME}@${MAIN}`, { offline: true })),
      `Cannot use hf:org/name@${MAIN} offline: model.safetensors has not been downloaded, expected to be online once more`,
    );
    [hub.behaviour, hub.log.length] = [{}, 0];
    expectFiles(await get(), files, wanted);
    assertEquals(hub.log.filter((l) => l.includes("/resolve/")), [
      `GET /org/name/resolve/${MAIN}/model.safetensors bytes=${size}-`,
    ]);
  });
});

Deno.test("a server that knows no ranges, or announces no sizes, will do", async () => {
  await withHub(files, { cut: 20_000, noLength: true }, async (_hub, get) => {
    expectFiles(await get(), files, wanted);
  });
  await withHub(files, { cut: 4_000 }, async (hub, get) => {
    hub.behaviour.answers = (_request, path) => {
      if (hub.sent > 10_000) hub.behaviour = { noRanges: true }; // the rest from a server of another kind
      return path === "" ? new Response() : undefined;
    };
    expectFiles(await get(), files, wanted);
  });
});

Deno.test("what an earlier run has left and is damaged is fetched again", async () => {
  await withHub(files, { cut: 4_000 }, async (hub, get, cache) => {
    hub.behaviour.answers = (_request, path) =>
      hub.sent > 10_000 && path.includes("/resolve/") ? new Response("", { status: 502 }) : undefined;
    await failure(() => get());
    const partials = `${cache}/hub/org--name/partial`, path = `${partials}/${names(partials)[0]}`;
    for (const content of [new Uint8Array(5_000), new Uint8Array(40_000), new Uint8Array(weights.length)]) {
      Deno.writeFileSync(path, content);
      hub.behaviour = {};
      const folder = await get();
      expectFiles(folder, files, wanted);
      Deno.removeSync(`${folder}/model.safetensors`);
    }
  });
});

const lies: [what: string, behaviour: Behaviour, message: RegExp][] = [
  [
    "sends less than it lists, and says so",
    { sends: (name, bytes) => name === "model.safetensors" ? bytes.slice(0, 29_000) : bytes },
    /^Cannot download model\.safetensors of org\/name: the hub sends a file of 29000 bytes, expected 30000 as it lists$/,
  ],
  [
    "sends less than it lists, without a word",
    { noLength: true, sends: (name, bytes) => name === "model.safetensors" ? bytes.slice(0, 29_000) : bytes },
    /the hub has nothing from byte 29000 on, expected 30000 as it lists$/,
  ],
  [
    "sends less than it lists, without ranges or a word",
    { noRanges: true, noLength: true, sends: (name, b) => name === "model.safetensors" ? b.slice(0, 29_000) : b },
    /it broke off at byte 29000 of 30000; tried 3 times$/,
  ],
  [
    "sends more than it lists, and says so",
    { sends: (name, bytes) => name === "model.safetensors" ? new Uint8Array(31_000) : bytes },
    /the hub sends a file of 31000 bytes, expected 30000 as it lists$/,
  ],
  [
    "sends more than it lists, without a word",
    { noLength: true, sends: (name, bytes) => name === "model.safetensors" ? new Uint8Array(31_000) : bytes },
    /^Cannot download model\.safetensors of org\/name: the hub sends more than the 30000 bytes it lists$/,
  ],
  [
    "sends another part than was asked for",
    {
      answers: (_request, path) =>
        path.endsWith(`resolve/${MAIN}/model.safetensors`)
          ? new Response(weights.slice(5), { status: 206, headers: { "content-range": "bytes 5-29999/30000" } })
          : undefined,
    },
    /the hub sends bytes 5-29999\/30000 in place of the bytes from 0, expected 30000 as it lists$/,
  ],
  [
    "sends other bytes",
    { sends: (name, bytes) => name === "model.safetensors" ? new Uint8Array(bytes.length) : bytes },
    /^Cannot download model\.safetensors of org\/name: its SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}$/,
  ],
  [
    "sends other bytes of a small file",
    { sends: (name, bytes) => name === "config.json" ? new Uint8Array(bytes.length) : bytes },
    /^Cannot download config\.json of org\/name: its git hash is [0-9a-f]{40}, expected [0-9a-f]{40}$/,
  ],
  [
    "lists two sizes",
    { lists: (entry) => entry.lfs ? { ...entry, size: 5 } : entry },
    /^Cannot download hf:org\/name: the hub lists model\.safetensors with a size of 5$/,
  ],
  [
    "lists a hash that is a path",
    { lists: (entry) => entry.path === "config.json" ? { ...entry, oid: "../../../../evil" } : entry },
    /^Cannot download hf:org\/name: the hub lists config\.json with a hash of "\.\.\/\.\.\/\.\.\/\.\.\/evil"$/,
  ],
];

for (const [what, behaviour, message] of lies) {
  Deno.test(`a hub that ${what} is caught, and leaves nothing under a final name`, async () => {
    await withHub(files, behaviour, async (hub, get, cache) => {
      for (let i = 0; i < 2; i++) assertMatch(await failure(() => get()), message);
      expectNothing(
        cache,
        wanted.filter((name) => name !== (message.source.includes("config") ? "config.json" : "model.safetensors")),
      );
      hub.behaviour = {};
      expectFiles(await get(), files, wanted);
    });
  });
}

Deno.test("an index that names other files than the model has is refused", async () => {
  const index = (name: unknown) => textFile(JSON.stringify({ weight_map: { "a.weight": name } }));
  for (
    const [content, message] of [
      [index("../../../x.safetensors"), 'names "../../../x.safetensors", which is not among its files'],
      [index("gone.safetensors"), 'names "gone.safetensors", which is not among its files'],
      [index(5), "names 5, which is not among its files"],
      [textFile("{}"), "its model.safetensors.index.json has no weight_map"],
      [textFile("{"), "its model.safetensors.index.json has no weight_map"],
    ] as const
  ) {
    const contents = { "config.json": files["config.json"], "model.safetensors.index.json": content };
    const lists = (entry: Record<string, unknown>) =>
      entry.type === "directory" ? { ...entry, type: "file", path: "../../../x.safetensors" } : entry;
    await withHub(contents, { lists }, async (_hub, get) => {
      assertStringIncludes(await failure(() => get()), message);
    });
  }
});

Deno.test("what the hub refuses is said in a line", async () => {
  const status = (code: number, init: ResponseInit = {}): Behaviour => ({
    answers: () => Response.json({ error: "x" }, { status: code, ...init }),
  });
  const cases: [name: string, behaviour: Behaviour, options: DownloadOptions, message: string][] = [
    ["hf:org/other", {}, {}, "Cannot download hf:org/other: there is no such model on the hub"],
    [`${NAME}@v9`, {}, {}, "Cannot download hf:org/name@v9: it has no revision v9"],
    [
      NAME,
      status(401),
      {},
      "Cannot download hf:org/name: the hub says 401: it is private, gated or not there, expected another name or a " +
      "token in HF_TOKEN",
    ],
    [
      NAME,
      status(403),
      { token: "hf_x" },
      "Cannot download hf:org/name: the hub says 403: the token in HF_TOKEN may not read it, expected one of an " +
      "account that may",
    ],
    [NAME, {}, { token: "secret" }, "Cannot ask the hub about hf:org/name: Your access token must start with 'hf_'"],
    [NAME, status(500), {}, "Cannot download hf:org/name: the hub says 500 Internal Server Error; tried 3 times"],
    [NAME, status(418), {}, "Cannot download hf:org/name: the hub says 418 I'm a teapot"],
    [NAME, { answers: () => new Response("<html>") }, {}, "Cannot ask the hub about hf:org/name: "],
    [
      NAME,
      { answers: () => Response.json({ sha: "../x" }) },
      {},
      'Cannot download hf:org/name: the hub names commit "../x", expected a hash',
    ],
    [NAME, { answers: () => Response.json({}) }, { endpoint: "http://127.0.0.1:1" }, "Cannot reach 127.0.0.1:1: "],
    [NAME, {}, { endpoint: "ftp:x" }, 'Cannot use HF_ENDPOINT "ftp:x", expected an address such as https://'],
    [NAME, {}, { offline: true }, "Cannot use hf:org/name offline: it has not been downloaded, expected to be online"],
  ];
  for (const [name, behaviour, options, message] of cases) {
    await withHub(files, behaviour, async (_hub, get, cache) => {
      assertStringIncludes(await failure(() => get(name, options)), message);
      expectNothing(cache);
    });
  }
});

Deno.test("a hub that falls silent is not waited for", async () => {
  const short = { patience: { ...patience, silence: 100 } };
  await withHub(files, { hang: 10_000 }, async (_hub, get) => {
    expectFiles(await get(NAME, short), files, wanted); // each silence ends a try that brought something
  });
  await withHub(files, { hang: 0 }, async (_hub, get, cache) => {
    assertMatch(await failure(() => get(NAME, short)), /nothing more came at byte 0; tried 3 times$/);
    expectNothing(cache);
  });
  const never = Promise.withResolvers<Response>();
  await withHub(files, { answers: () => never.promise }, async (_hub, get) => {
    assertMatch(
      await failure(() => get(NAME, short)),
      /^Cannot reach 127\.0\.0\.1:\d+: it does not answer; tried 3 times$/,
    );
    never.resolve(new Response());
  });
});

Deno.test("the token goes to the hub, and not where it redirects to", async () => {
  await withHub(files, { elsewhere: true }, async (hub, get) => {
    expectFiles(await get(NAME, { token: "hf_abc" }), files, wanted);
    const [own, other] = [false, true].map((there) => hub.log.filter((l) => l.includes("elsewhere") === there));
    assert(own.length >= 7 && own.every((l) => l.endsWith("Bearer hf_abc")), own.join("\n"));
    assertEquals([other.length, other.filter((l) => l.includes("hf_abc"))], [4, []]); // an empty file is not asked for
  });
});

Deno.test("a revision that moves brings another folder; nothing mixes", async () => {
  await withHub(files, {}, async (hub, get) => {
    const before = await get(), next = commitOf("b");
    hub.commits[next] = { ...files, "config.json": textFile("{}"), "model.safetensors": weights.slice(5) };
    hub.revisions.main = hub.revisions["v2/final"] = next;
    assertEquals(await get(NAME, { offline: true }), before); // it has not been asked yet
    const after = await get(`${NAME}@v2/final`);
    assert(after.endsWith(next) && after !== before);
    expectFiles(before, files, wanted);
    expectFiles(after, hub.commits[next], wanted);
    assertEquals([await get(), await get(NAME, { offline: true })], [after, after]);
    assertEquals(await get(`${NAME}@v2/final`, { offline: true }), after);
    assertEquals(await get(`${NAME}@${MAIN}`), before);
  });
});

Deno.test("a file that was lost or cut in the cache is fetched again", async () => {
  await withHub(files, {}, async (hub, get) => {
    const folder = await get();
    Deno.removeSync(`${folder}/config.json`);
    Deno.truncateSync(`${folder}/model.safetensors`, 100);
    assertStringIncludes(await failure(() => get(NAME, { offline: true })), "config.json has not been downloaded");
    hub.log.length = 0;
    expectFiles(await get(`${NAME}@${MAIN}`), files, wanted);
    assertEquals(hub.log.filter((l) => l.includes("/resolve/")).length, 2);
  });
});

Deno.test("two downloads of a model at once wait for each other", async () => {
  await withHub(files, {}, async (hub, get) => {
    const [a, b] = await Promise.all([get(), get()]);
    assertEquals(a, b);
    expectFiles(a, files, wanted);
    assertEquals(hub.log.filter((l) => l.includes("/model.safetensors")).length, 1);
  });
});

Deno.test("names of models on the hub", () => {
  assertEquals(parseHubName("hf:org/name"), { text: "hf:org/name", repo: "org/name", revision: "main" });
  assertEquals(parseHubName("hf:o-1/n.a_m-e@refs/pr/1").revision, "refs/pr/1");
  assertEquals(parseHubName("hf:org/name/x.gguf@v1").file, "x.gguf");
  for (
    const wrong of [
      "hf:",
      "hf:name",
      "hf:org/",
      "hf:org/../x",
      "hf:../name",
      "hf:org/name/x.bin",
      "hf:org/name/a/b.gguf",
      "hf:org/name@",
      "hf:org/name@a b",
      "hf:org/name@a..b",
      "hf:org/na..me",
      "hf:org/na me",
      "hf:org/name?x",
    ]
  ) {
    assertThrows(() => parseHubName(wrong), CheckpointError, `Cannot use the model ${JSON.stringify(wrong)}, expected`);
  }
});

Deno.test("the cache is where TENON_CACHE says, or where the platform keeps caches", () => {
  const before = ["TENON_CACHE", "XDG_CACHE_HOME", "HOME"].map((name) => [name, Deno.env.get(name)] as const);
  try {
    Deno.env.set("TENON_CACHE", "/x");
    assertEquals(hubSettings().cache, "/x");
    Deno.env.delete("TENON_CACHE");
    if (Deno.build.os !== "linux") return;
    Deno.env.set("XDG_CACHE_HOME", "/c");
    assertEquals(hubSettings().cache, "/c/tenon");
    Deno.env.set("XDG_CACHE_HOME", "");
    Deno.env.set("HOME", "/h");
    assertEquals(hubSettings().cache, "/h/.cache/tenon");
    Deno.env.delete("HOME");
    assertThrows(() => hubSettings(), CheckpointError, "HOME is not set, expected it or TENON_CACHE");
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  }
});

Deno.test("a bar shows how much is there", () => {
  assertEquals([bar(0), bar(0.5), bar(1)], [
    `[${".".repeat(24)}]   0 %`,
    `[${"#".repeat(12)}${".".repeat(12)}]  50 %`,
    `[${"#".repeat(24)}] 100 %`,
  ]);
});

// ---- the command ----------------------------------------------------------------------------------------------------

const all = ["--allow-read", "--allow-write", "--allow-net", "--allow-env"];

async function generate(
  args: readonly string[],
  env: Record<string, string>,
  permissions: readonly string[] = all,
  shell = "",
): Promise<{ code: number; out: string; err: string }> {
  const quoted = [Deno.execPath(), "run", "--no-prompt", "--quiet", ...permissions, `${root}generate.ts`, ...args];
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `${shell}exec ${quoted.map((a) => `'${a}'`).join(" ")}`],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

const describing = ["--model", NAME, "--describe"];

Deno.test("generate.ts --model hf:org/name runs what the hub has, and --offline needs no network", async () => {
  await withHub(llamaFolder(), { cut: 900 }, async (hub, _get, cache) => {
    const env = { HF_ENDPOINT: hub.endpoint, TENON_CACHE: cache };
    const first = await generate(describing, env);
    assertEquals([first.code, first.err], [0, ""]);
    assertMatch(first.out, /blocks\.0\.attention/);
    const again = await generate([...describing, "--offline"], env, ["--allow-read", "--allow-env"]);
    assertEquals(again, first);
  });
});

Deno.test("generate.ts says in one line what the hub or a missing permission prevents, and exits with 1", async () => {
  await withHub(llamaFolder(), {}, async (hub, _get, cache) => {
    const env = { HF_ENDPOINT: hub.endpoint, TENON_CACHE: cache };
    const without = (permission: string) => all.filter((p) => p !== permission);
    const { host } = new URL(hub.endpoint);
    for (
      const [args, permissions, message] of [
        [["--model", "hf:org/none"], all, "Cannot download hf:org/none: there is no such model on the hub"],
        [describing, without("--allow-net"), `Cannot reach ${host}: no permission, expected --allow-net`],
        [
          describing,
          without("--allow-env"),
          "Cannot read HF_ENDPOINT: no permission, expected --allow-env to use the hub",
        ],
        [describing, without("--allow-write"), "no permission, expected --allow-read and --allow-write"],
        [["--model", "hf:name"], all, 'Cannot use the model "hf:name", expected hf:org/name'],
      ] as const
    ) {
      const { code, out, err } = await generate(args, env, permissions);
      assertEquals([code, out, err.split("\n").length], [1, "", 2], err);
      assertMatch(err, /^generate\.ts: Cannot /);
      assertStringIncludes(err, message);
      expectNothing(cache);
    }
    const { code, err } = await generate(["--offline"], env);
    assertEquals([code, err.split("\n")[0]], [
      2,
      "generate.ts: --offline is given without an hf: model, expected both or neither",
    ]);
  });
});

Deno.test("a disk that takes no more is reported, and what fits is kept for later", async () => {
  if (Deno.build.os !== "linux") return;
  const big = { ...llamaFolder(), "tokenizer.json": new Uint8Array(300_000) };
  await withHub(big, {}, async (hub, get, cache) => {
    const env = { HF_ENDPOINT: hub.endpoint, TENON_CACHE: cache };
    // No file may grow beyond 100 KiB: what a full disk looks like from inside.
    const { code, out, err } = await generate(describing, env, all, "trap '' XFSZ; ulimit -f 100; ");
    assertEquals([code, out], [1, ""], err);
    assertMatch(err, /^generate\.ts: Cannot store tokenizer\.json of org\/name: [^\n]+\n$/);
    expectNothing(cache, ["config.json"]);
    hub.log.length = 0;
    expectFiles(await get(), big, Object.keys(big));
    assertStringIncludes(hub.log.find((l) => l.includes("/tokenizer.json"))!, "bytes=102400-");
  });
});
