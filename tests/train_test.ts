/** train.ts as a process: what it writes, that nothing stops it from the same weights, what it refuses. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";
import { inFolder } from "./disks.ts";
import { finish, type Result, root, spawn, story } from "./processes.ts";

/** How often a training is killed. */
const KILLS = Number(Deno.env.get("TENON_KILLS") ?? 5);

const train = (cwd: string, ...args: string[]) => finish(spawn(`${root}train.ts`, cwd, args));

/** A folder with a text and a small model. */
function workplace<T>(f: (folder: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/story.txt`, story(150));
    await Deno.writeTextFile(`${folder}/tiny.json`, JSON.stringify({ context: 16, dim: 16, depth: 2, heads: 2 }));
    return await f(folder);
  });
}

const tiny = ["--data", "story.txt", "--config", "tiny.json", "--batch", "4", "--quiet"];
const short = [...tiny, "--steps", "6"];

function weightsOf({ code, out, err }: Result): string {
  assertEquals(code, 0, err);
  return out.match(/^weights +([0-9a-f]{64})$/m)![1];
}

interface Line {
  readonly step: number;
  readonly loss?: number;
  readonly validation?: number;
  readonly bitsPerByte?: number;
  readonly seconds: number;
}

const linesOf = (folder: string): Line[] =>
  Deno.readTextFileSync(`${folder}/metrics.jsonl`).trimEnd().split("\n").map((line) => JSON.parse(line));
const withoutTimes = (lines: readonly Line[]) => lines.map(({ seconds: _, ...line }) => line);

Deno.test("train.ts makes a model of a text file, and generate.ts goes on with it", async () => {
  await workplace(async (folder) => {
    const { code, out, err } = await train(folder, "--data", "story.txt", "--context", "16", "--steps", "20");
    assertEquals(code, 0, err);
    assertMatch(
      out,
      /^20 steps in \d:\d\d: loss \d\.\d{4}, validation \d\.\d{4} nats per token, \d\.\d{4} bits per byte\nweights +[0-9a-f]{64}\nNext: deno run --allow-read generate\.ts --model story-model\n$/,
    );
    assertMatch(err, /^data +story\.txt is one document of .* for validation\.\ntokens .*\nmodel .* parameters/);
    assertMatch(err, /training +20 steps of 16 × 16 tokens, .* times the data; adamW, cosine, learning rate 0\.002/);
    assertMatch(err, /\nstep 0 of 20 .*\nstep 2 of 20 .*[\s\S]*\nstep 20 of 20 after .*bits per byte\n$/);
    const more = await finish(
      spawn(`${root}generate.ts`, folder, [
        "--model",
        "story-model",
        "--prompt",
        "Ann ",
        "--max-tokens",
        "5",
        "--seed",
        "1",
      ]),
    );
    assertEquals(more.code, 0, more.err);
    assertMatch(more.out, /^Ann .+/);

    const lines = linesOf(`${folder}/story-model`), steps = lines.filter((line) => line.loss !== undefined);
    assertEquals(steps.map((line) => line.step), Array.from({ length: 20 }, (_, i) => i + 1));
    const evaluations = lines.filter((line) => line.validation !== undefined);
    assertEquals(evaluations.map((line) => line.step), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    assertEquals(Object.keys(steps[0]), ["step", "loss", "norm", "learningRate", "tokens", "seconds"]);
    assertEquals(Object.keys(evaluations[0]), ["step", "validation", "bitsPerByte", "seconds"]);
    assert(lines.every((line, i) => i === 0 || line.step >= lines[i - 1].step && line.seconds >= lines[i - 1].seconds));
    assert(evaluations[10].validation! < evaluations[0].validation! - 0.5);
    const [head, first, ...rows] = Deno.readTextFileSync(`${folder}/story-model/metrics.csv`).trimEnd().split("\n");
    assertEquals(head, "step,loss,norm,learningRate,tokens,validation,bitsPerByte,seconds");
    assertEquals([first.split(",").length, rows.length], [8, 20]);
    assertEquals(rows[1].split(",").slice(0, 2), ["2", String(steps[1].loss)]);
    assertMatch(Deno.readTextFileSync(`${folder}/story-model/loss.svg`), /^<svg [\s\S]*<\/svg>\n$/);
  });
});

Deno.test("the weights are the same on one thread and on two, with --recompute, and as --json says", async () => {
  await workplace(async (folder) => {
    const args = [...short, "--simd", "baseline", "--dropout", "0.1"];
    const one = weightsOf(await train(folder, ...args, "--out", "a", "--threads", "1"));
    assertEquals(weightsOf(await train(folder, ...args, "--out", "b", "--threads", "2")), one);
    assertEquals(weightsOf(await train(folder, ...args, "--out", "c", "--recompute")), one);
    const files = ["a", "b", "c"].map((out) => Deno.readFileSync(`${folder}/${out}/model.safetensors`));
    assertEquals(files[1], files[0]);
    assertEquals(files[2], files[0]);
    // A checkpoint, but no model yet: killed between the two.
    Deno.removeSync(`${folder}/a/config.json`);
    Deno.writeFileSync(`${folder}/a/model.safetensors`, files[0].subarray(0, 99));
    assertEquals(weightsOf(await train(folder, ...args, "--out", "a", "--resume")), one);
    assertEquals(Deno.readFileSync(`${folder}/a/model.safetensors`), files[0]);
    assertEquals(Deno.readFileSync(`${folder}/a/config.json`), Deno.readFileSync(`${folder}/b/config.json`));

    const { out } = await train(folder, ...args, "--out", "d", "--json");
    const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line)), summary = lines.pop();
    assertEquals(withoutTimes(lines), withoutTimes(linesOf(`${folder}/a`)));
    assertEquals([summary.weights, summary.steps, summary.out], [one, 6, "d"]);
    assertEquals(summary.validation, lines.at(-1).validation);
  });
});

Deno.test(`a training that is killed ${KILLS} times and resumed ends with the same weights`, async () => {
  await workplace(async (folder) => {
    const args = [...tiny, "--steps", "120", "--eval-every", "25", "--save-every", "4", "--dropout", "0.1", "--resume"];
    const began = performance.now(), whole = weightsOf(await train(folder, ...args, "--out", "whole"));
    const life = performance.now() - began, points: string[] = [];
    for (let kills = 0, round = 0; kills < KILLS; round++) {
      const out = `killed-${round}`;
      for (let finished = false; !finished;) {
        const process = spawn(`${root}train.ts`, folder, [...args, "--out", out]), result = finish(process);
        if (kills < KILLS) {
          const timer = setTimeout(() => {
            try {
              process.kill("SIGKILL");
            } catch { /* it has ended */ }
          }, Math.random() * life);
          const { code, err } = await result;
          clearTimeout(timer);
          finished = code === 0;
          if (finished) continue;
          assertEquals([code, err], [137, ""]);
          kills++;
          const pointer = `${folder}/${out}/state/newest.json`;
          points.push(
            await Deno.readTextFile(pointer).then((text) => JSON.parse(text).steps[0], () => "before any step"),
          );
        } else {
          weightsOf(await result);
          finished = true;
        }
      }
      const again = weightsOf(await train(folder, ...args, "--out", out)); // nothing is left to do
      assertEquals(again, whole, `killed after ${points.join(", ")}`);
      for (const file of ["model.safetensors", "config.json", "tokenizer.json"]) {
        assertEquals(Deno.readFileSync(`${folder}/${out}/${file}`), Deno.readFileSync(`${folder}/whole/${file}`));
      }
      assertEquals(withoutTimes(linesOf(`${folder}/${out}`)), withoutTimes(linesOf(`${folder}/whole`)));
    }
    console.log(`killed after ${points.join(", ")}`);
  });
});

Deno.test("Ctrl-C saves and says how to go on; other flags are refused then", async () => {
  await workplace(async (folder) => {
    const args = [...tiny.filter((a) => a !== "--quiet"), "--steps", "100000", "--eval-every", "1000", "--out", "run"];
    const process = spawn(`${root}train.ts`, folder, args), reader = process.stderr.getReader();
    let err = "";
    while (!err.includes("step 0 of")) err += new TextDecoder().decode((await reader.read()).value);
    process.kill("SIGINT");
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      err += new TextDecoder().decode(value);
    }
    await process.stdout.cancel();
    assertEquals((await process.status).code, 130, err);
    const [, step] = err.match(/stopped after step (\d+) of 100000, which is saved\. Go on with:\n/)!;
    assertStringIncludes(err, "\ndeno run -A train.ts --resume --out run\n");
    const state = JSON.parse(Deno.readTextFileSync(`${folder}/run/state/newest.json`)).steps[0];
    assertEquals(Number(state.slice(5, 13)), Number(step));

    const begun = "but the training in run was begun with";
    const refused: [flags: string[], message: string][] = [
      [[], "run holds a training already: go on with it by --resume, or name another folder by --out"],
      [["--resume", "--batch", "5"], `--batch says 5, ${begun} 4, expected the same or nothing`],
      [["--resume", "--steps", "7"], `--steps says 7, ${begun} 100000, expected the same or nothing`],
      [["--resume", "--lr", "1"], `--lr says 1, ${begun} 0.002`],
      [["--resume", "--seed", "1"], `--seed says 1, ${begun} 0`],
      [["--resume", "--optimizer", "sgd"], `--optimizer says {"type":"sgd",`],
      [["--resume", "--simd", "baseline"], `--simd says "baseline", ${begun} "relaxed"`],
      [["--resume", "--tokenizer", "bytes"], '--tokenizer is "bytes", which is not the one'],
      [["--resume", "--config", "other.json"], `--config other.json: dim says 32, ${begun} 16`],
      [["--resume", "--data", "other.txt"], "--data is not the text that the training in run was begun with"],
      [["--resume", "--use", "./plugin.ts"], "the training in run was begun with no --use, expected the same modules"],
    ];
    await Deno.writeTextFile(`${folder}/other.txt`, story(150, 2));
    await Deno.writeTextFile(`${folder}/other.json`, '{ "context": 16, "dim": 32, "depth": 2, "heads": 2 }');
    await Deno.writeTextFile(`${folder}/plugin.ts`, 'export const mine = { name: "mine", logits() {} };');
    for (const [flags, message] of refused) {
      const { code, err } = await train(folder, "--out", "run", ...flags);
      assertEquals(code, 2, err);
      assertStringIncludes(err, message);
    }
    const tokens = `${folder}/run/data/train.bin`, bytes = Deno.readFileSync(tokens);
    bytes[7] ^= 1;
    await Deno.writeFile(tokens, bytes);
    const changed = await train(folder, "--out", "run", "--resume");
    assertEquals(
      [changed.code, changed.err],
      [1, "train.ts: Cannot resume run: run/data is not what the training was begun with\n"],
    );
  });
});

Deno.test("every flag that is about learning changes the weights", async () => {
  await workplace(async (folder) => {
    await Deno.writeTextFile(`${folder}/plain.json`, JSON.stringify({ dim: 16, depth: 1, heads: 2 }));
    await Deno.writeTextFile(`${folder}/post.json`, JSON.stringify({ dim: 16, depth: 1, heads: 2, block: "postNorm" }));
    const common = ["--data", "story.txt", "--steps", "3", "--quiet", "--threads", "1"],
      seen = new Map<string, string>();
    const basic = { config: "plain.json", batch: "2", context: "8" };
    const changes: Record<string, string>[] = [
      {},
      { batch: "3" },
      { context: "9" },
      { config: "post.json" },
      { tokenizer: "bytes" },
      { tokenizer: '{"type":"byteLevelBpe","vocab":270}' },
      { accumulate: "2" },
      { lr: "0.01" },
      { warmup: "2" },
      { schedule: "linear" },
      { schedule: '{"type":"cosine","floor":0.5}' },
      { optimizer: "lion" },
      { optimizer: '{"type":"adamW","beta2":0.9}' },
      { clip: "0.1" },
      { dropout: "0.2" },
      { smoothing: "0.1" },
      { "z-loss": "0.01" },
      { init: "xavier" },
      { order: "epoch" },
      { validation: "0.5" },
      { seed: "1" },
    ];
    const weightsAfter = async (change: Record<string, string>, i: number) => {
      const flags = Object.entries({ ...basic, ...change }).flatMap(([name, value]) => [`--${name}`, value]);
      return weightsOf(await train(folder, ...common, ...flags, "--out", `${i}`));
    };
    const all: string[] = [];
    for (let i = 0; i < changes.length; i += 4) { // a few at a time
      all.push(...await Promise.all(changes.slice(i, i + 4).map((change, k) => weightsAfter(change, i + k))));
    }
    for (const [i, weights] of all.entries()) {
      const name = JSON.stringify(changes[i]);
      assert(!seen.has(weights), `${name} gives the weights of ${seen.get(weights)}`);
      seen.set(weights, name);
    }
  });
});

Deno.test("small batches that add up give what one large one does, but for the last bits", async () => {
  await workplace(async (folder) => {
    const args = ["--data", "story.txt", "--config", "tiny.json", "--steps", "3", "--quiet"];
    await train(folder, ...args, "--batch", "4", "--out", "a");
    await train(folder, ...args, "--batch", "2", "--accumulate", "2", "--out", "b");
    const [a, b] = ["a", "b"].map((out) => linesOf(`${folder}/${out}`).filter((line) => line.loss !== undefined));
    a.forEach((line, i) => assert(Math.abs(line.loss! - b[i].loss!) < 1e-4));
  });
});

Deno.test("evaluation of equal logits: ln 2 nats for each of two tokens, half a bit for each byte", async () => {
  await inFolder(async (folder) => {
    // Two characters of two bytes each; weights of zero, which stay so.
    await Deno.writeTextFile(`${folder}/data.txt`, "éèéé".repeat(200));
    const flags = ["--init", '{"type":"normal","std":0}', "--lr", "0", "--steps", "1", "--context", "13", "--quiet"];
    const { code, out, err } = await train(folder, "--data", "data.txt", ...flags);
    assertEquals(code, 0, err);
    assertMatch(out, /loss 0\.6931, validation 0\.6931 nats per token, 0\.5000 bits per byte/);
    // Bytes have 257 tokens; one byte is one token.
    const bytes = await train(folder, "--data", "data.txt", "--tokenizer", "bytes", ...flags, "--out", "bytes");
    assertMatch(bytes.out, /validation 5\.5491 nats per token, 8\.0056 bits per byte/);
    // A validation of nothing is none.
    const none = await train(folder, "--data", "data.txt", ...flags, "--out", "none", "--validation", "0");
    assertMatch(none.out, /: loss 0\.6931\nweights/);
  });
});

Deno.test("--minutes times a few steps, fixes their number and keeps to it", async () => {
  await workplace(async (folder) => {
    const args = [...tiny, "--minutes", "0.01", "--out", "run"], { code, out, err } = await train(folder, ...args);
    assertEquals(code, 0, err);
    const steps = Number(out.match(/^(\d+) steps/)![1]),
      { plan } = JSON.parse(
        Deno.readTextFileSync(`${folder}/run/state/step-${String(steps).padStart(8, "0")}/training.json`),
      ).info;
    assertEquals([plan.steps, linesOf(`${folder}/run`).at(-1)!.step], [steps, steps]);
    const again = weightsOf(await train(folder, ...args, "--resume"));
    assertEquals(again, out.match(/weights +(\w+)/)![1]);
    assertEquals(weightsOf(await train(folder, ...tiny, "--steps", `${steps}`, "--out", "as-steps")), again);
  });
});

Deno.test("a loss that is not finite stops training: step, layer and last good checkpoint are named", async () => {
  await workplace(async (folder) => {
    const sgd = ["--optimizer", "sgd", "--schedule", "constant", "--clip", "0", "--warmup", "0"];
    const { code, out, err } = await train(
      folder,
      ...short,
      "--out",
      "run",
      "--lr",
      "1e38",
      ...sgd,
      "--save-every",
      "1",
    );
    assertEquals([code, out], [1, ""]);
    const [, step, saved] = err.match(
      /^train\.ts: Cannot make step (\d): the (?:loss|norm of the gradient) is \w+; \S.* last good checkpoint: step (\d), in run\/state\/step-0000000\d\n$/,
    )!;
    assertEquals(Number(saved), Number(step) - 1);
    assertMatch(err, /is the first (parameter|layer) |is the first that is not finite/);
  });
});

Deno.test({
  name: "a full disk is a clear error and leaves the last checkpoint, from which training goes on",
  ignore: Deno.build.os === "windows",
  async fn() {
    await workplace(async (folder) => {
      const args = [...short, "--save-every", "2", "--resume"], inRun = [...args, "--out", "run"];
      const whole = weightsOf(await train(folder, ...args, "--out", "whole"));
      // No file may grow beyond 16 KiB, which is less than a checkpoint and more than the log.
      const limited = async () => {
        const command = `trap '' XFSZ; ulimit -f 16; exec "${Deno.execPath()}" run -A --quiet --no-code-cache "$@"`;
        const { code, stderr } = await new Deno.Command("bash", {
          args: ["-c", command, "bash", `${root}train.ts`, ...inRun],
          cwd: folder,
          env: { NO_COLOR: "1" },
        }).output();
        assertEquals(code, 1);
        return new TextDecoder().decode(stderr);
      };
      assertMatch(
        await limited(),
        /^train\.ts: Cannot save run\/state\/step-00000000: training\.safetensors: File too large.*; what was there is unchanged; last good checkpoint: none yet\n$/,
      );
      const begun = spawn(`${root}train.ts`, folder, [...inRun, "--json"]), reader = begun.stdout.getReader();
      for (let text = ""; !text.includes('"step":3');) text += new TextDecoder().decode((await reader.read()).value);
      begun.kill("SIGKILL");
      await Promise.all([reader.cancel(), begun.stderr.cancel(), begun.status]);
      const pointer = `${folder}/run/state/newest.json`, before = Deno.readTextFileSync(pointer);
      const step = JSON.parse(before).steps[0];
      assertMatch(
        await limited(),
        new RegExp(`^train\\.ts: Cannot save run.*: File too large.*unchanged; last good checkpoint: .*${step}\n$`),
      );
      assertEquals(Deno.readTextFileSync(pointer), before);
      assertEquals(weightsOf(await train(folder, ...inRun)), whole);
    });
  },
});

const usage: [what: string, args: string[], message: string][] = [
  ["no data", [], "--data is needed, a text file or a folder of them; or --resume with --out"],
  ["nothing to resume", ["--resume", "--out", "x"], "nothing is saved in x yet, so --data is needed"],
  ["a flag that does not exist", [...short, "--epochs", "3"], "unknown flag --epochs"],
  ["steps that are none", [...tiny, "--steps", "0"], '--steps is "0", expected a whole number from 1'],
  ["steps and minutes", [...short, "--minutes", "1"], "--steps and --minutes are both given, expected one of them"],
  ["a long warm-up", [...short, "--warmup", "7"], '--warmup is "7", expected at most the 6 steps of all'],
  [
    "an unknown optimizer",
    [...short, "--optimizer", "adam"],
    '--optimizer is "adam": Cannot build optimizer: unknown type "adam", expected one of "adamW", "sgd"',
  ],
  ["JSON that is none", [...short, "--schedule", "{cosine}"], '--schedule is "{cosine}": Expected property name'],
  [
    "a wrong option",
    [...short, "--schedule", '{"type":"cosine","flor":0}'],
    'Cannot build schedule: "cosine" has no option "flor", expected "floor"',
  ],
  ["an unknown tokenizer", [...short, "--tokenizer", "words"], 'unknown type "words", expected one of "characters"'],
  ["context twice", [...short, "--context", "8"], "--context is given, and tiny.json has a context too"],
  ["all held back", [...short, "--validation", "1"], '--validation is "1", expected a number from 0 up to 0.99'],
  ["a wrong order", [...short, "--order", "sorted"], '--order is "sorted", expected random or epoch'],
];

Deno.test("train.ts with flags that are wrong says so, exits with 2 and writes nothing", async () => {
  await workplace(async (folder) => {
    for (const [what, args, message] of usage) {
      const { code, out, err } = await train(folder, ...args);
      assertEquals([code, out], [2, ""], `${what}: ${err}`);
      assertStringIncludes(err, message, what);
      assertMatch(err, /\nSee train\.ts --help\.\n$/);
    }
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["story.txt", "tiny.json"]);
    const { code, out } = await train(folder, "--help");
    assertEquals(code, 0);
    assertMatch(out, /^Usage: deno run -A train\.ts --data <path> \[flags\]\n[\s\S]*--recompute /);
  });
});

Deno.test("train.ts with files that are missing, broken or cannot be written says so in one line and exits with 1", async () => {
  await workplace(async (folder) => {
    await Deno.writeTextFile(`${folder}/empty.txt`, "");
    await Deno.writeTextFile(`${folder}/short.txt`, "abc".repeat(40));
    await Deno.writeTextFile(`${folder}/no.json`, "{");
    await Deno.writeTextFile(`${folder}/wrong.json`, '{ "dim": 16, "depth": 1, "heads": 3 }');
    await Deno.writeTextFile(`${folder}/unknown.json`, '{ "dim": 16, "depth": 1, "heads": 2, "activation": "relu" }');
    await Deno.mkdir(`${folder}/model`);
    await Deno.writeTextFile(`${folder}/model/config.json`, "{}");
    const steps = ["--steps", "1"], data = ["--data", "story.txt", ...steps];
    const failures: [args: string[], message: string | RegExp, code?: number][] = [
      [["--data", "nothing.txt", ...steps], "Cannot open nothing.txt: there is no such file or folder\n"],
      [["--data", "empty.txt", ...steps], /Cannot train a tokenizer: the texts are empty/],
      [
        ["--data", "short.txt", ...steps],
        /Cannot prepare data: 108 tokens are for train, expected at least 129 for context 128\./,
      ],
      [[...data, "--config", "nothing.json"], "Cannot open nothing.json: there is no such file or folder\n"],
      [[...data, "--config", "no.json"], /Cannot read no\.json: it is not JSON/],
      [[...data, "--config", "wrong.json"], /^train\.ts: wrong\.json: Cannot build .*heads/],
      [
        [...data, "--config", "unknown.json"],
        /^train\.ts: unknown\.json: Cannot build a model: it has no "activation"/,
      ],
      [[...data, "--tokenizer", "nothing.json"], "Cannot open nothing.json: there is no such file or folder\n"],
      [
        [...data, "--out", "story.txt"],
        "Cannot save story.txt: it is a file, expected a folder; what was there is unchanged\n",
      ],
      [[...data, "--out", "/dev/null/x"], /Cannot save \/dev\/null\/x: .*; what was there is unchanged\n$/],
      [[...data, "--out", "model"], /model holds config\.json of something else: name another folder/, 2],
    ];
    for (const [args, message, expected = 1] of failures) {
      const { code, out, err } = await train(folder, ...args);
      assertEquals([code, out], [expected, ""], err);
      if (typeof message === "string") assertEquals(err, `train.ts: ${message}`);
      else assertMatch(err, message);
    }
  });
});

Deno.test("--use brings components; --tokenizer takes the file of another model; several documents are kept apart", async () => {
  await workplace(async (folder) => {
    await Deno.mkdir(`${folder}/texts`);
    for (let i = 0; i < 6; i++) await Deno.writeTextFile(`${folder}/texts/${i}.txt`, story(30, i));
    await Deno.writeTextFile(
      `${folder}/mine.ts`,
      `export const half = { slot: "schedule", type: "half", options: {}, build: (_, c) => ({ at: () => c.learningRate / 2 }) };`,
    );
    const args = ["--config", "tiny.json", "--batch", "4", "--steps", "3", "--use", "./mine.ts", "--schedule", "half"];
    const first = await train(folder, "--data", "texts", ...args, "--out", "a");
    weightsOf(first);
    assertMatch(first.err, /6 documents in 6 files: 5 are for training, 1 for validation/);
    assertEquals(JSON.parse(Deno.readTextFileSync(`${folder}/a/config.json`)).eos_token_id, 19);
    const lines = linesOf(`${folder}/a`) as unknown as { learningRate?: number }[];
    assertEquals(lines.filter((l) => l.learningRate !== undefined).map((l) => l.learningRate), [1e-3, 1e-3, 1e-3]);
    const second = await train(folder, "--data", "texts", "--tokenizer", "a/tokenizer.json", ...args, "--out", "b");
    assertEquals(weightsOf(second), weightsOf(first));
    const without = await train(folder, "--resume", "--out", "b");
    assertEquals(without.code, 2);
    assertStringIncludes(without.err, "was begun with --use ./mine.ts, expected the same modules");
    const same = ["--use", "./mine.ts", "--tokenizer", "a/tokenizer.json", "--data", "texts", "--schedule", "half"];
    assertEquals(weightsOf(await train(folder, "--resume", "--out", "b", ...same)), weightsOf(first));
  });
});
