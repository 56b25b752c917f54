/** bench/training.ts as a process: who takes part, what is compared, what is reported. Nothing here depends on a time. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "./assert.ts";

const script = new URL("../bench/training.ts", import.meta.url).pathname;
const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function bench(...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "-q",
      script,
      ...["--rounds", args.includes("--profile") ? "2" : "1"],
      "--seconds",
      "0.01",
      ...args,
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

/** An interpreter that has no PyTorch but these answers. */
async function interpreter(...answers: object[]): Promise<string> {
  const path = await Deno.makeTempFile({ dir: folder });
  const lines = answers.map((answer) => `echo '${JSON.stringify(answer)}'\nread -r line || exit 0`);
  await Deno.writeTextFile(path, `#!/bin/sh\n${lines.join("\n")}\n`);
  await Deno.chmod(path, 0o755);
  return path;
}

interface Json {
  readonly entries: readonly { participant: string; threads: number; losses?: number[]; failed?: string }[];
  readonly samples: readonly { participant: string; steps: number }[];
  readonly summary: readonly { participant: string; milliseconds: number; ofMedians?: number; ofRounds?: number }[];
}

const readJson = async (path: string): Promise<Json> => JSON.parse(await Deno.readTextFile(path));

/** The losses of Tenon's first steps, on one thread and two. */
async function tenonLosses(): Promise<(readonly number[])[]> {
  const json = `${folder}/tenon.json`,
    { code, err } = await bench("--only", "tenon", "--threads", "1,2", "--json", json);
  assertEquals(code, 0, err);
  return (await readJson(json)).entries.map((entry) => entry.losses!);
}

const posix = Deno.build.os !== "windows";
const [losses, others] = await tenonLosses();

Deno.test("bench/training.ts: training learns, with the same losses on one thread and two", () => {
  assertEquals(others, losses);
  assertEquals(losses.length, 4);
  assert(Math.abs(losses[0] - Math.log(65)) < 0.1, `the first loss is ${losses[0]}`);
  assert(losses.every((loss, i) => i === 0 || loss < losses[i - 1]), `${losses}`);
});

Deno.test("bench/training.ts: who cannot be started is not available, and the others go on", async () => {
  const { code, out, err } = await bench("--only", "tenon,pytorch", "--threads", "1", "--python", `${folder}/nothing`);
  assertEquals(code, 0, err);
  assertMatch(out, /\| PyTorch +\| +1 \| not available: Failed to spawn/);
  assertMatch(out, /\| PyTorch +\| not available +\|/);
  assertMatch(out, /\| Tenon +\| +[\d.]+ \(/);
});

Deno.test({
  name: "bench/training.ts: an interpreter that has no PyTorch says so",
  ignore: !posix,
  async fn() {
    const python = await interpreter({ failed: "it has no PyTorch" });
    const { out } = await bench("--only", "pytorch", "--threads", "1", "--python", python);
    assertStringIncludes(out, "not available: it has no PyTorch");
  },
});

Deno.test({
  name: "bench/training.ts: times of those whose losses agree are compared, by median and by round",
  ignore: !posix,
  async fn() {
    const turn = { steps: [3e9, 1e9, 2e9], cpus: 1.5 }, json = `${folder}/agree.json`;
    const near = losses.map((loss) => loss + 9e-4);
    const python = await interpreter({ about: "made up" }, { losses: near }, turn, turn);
    const args = ["--only", "tenon,pytorch", "--threads", "1", "--python", python, "--json", json];
    const { code, out, err } = await bench(...args);
    assertEquals(code, 0, err);
    assertMatch(out, /\| PyTorch +\| +2000000000 \(2000000000–2000000000\) \| +0 \| +1\.50 \|/);
    const { summary, samples } = await readJson(json), [tenon, pytorch] = summary;
    assertEquals(samples.map((s) => s.participant), ["tenon", "pytorch"]);
    assertEquals(pytorch.milliseconds, 2e9);
    assertEquals(pytorch.ofMedians, 2e9 / tenon.milliseconds);
    assertEquals(pytorch.ofRounds, pytorch.ofMedians);
  },
});

Deno.test({
  name: "bench/training.ts: who has another loss than PyTorch has failed and is not timed",
  ignore: !posix,
  async fn() {
    const turn = { steps: [1], cpus: 1 }, json = `${folder}/differ.json`;
    const wrong = losses.with(3, losses[3] + 1.1e-3);
    const python = await interpreter({ about: "made up" }, { losses: wrong }, turn, turn);
    const args = ["--only", "tenon,pytorch", "--threads", "1", "--python", python, "--json", json];
    const { out } = await bench(...args);
    assertMatch(out, /failed: wrong loss: step 4 begins with 3\.\d+, PyTorch's with 3\.\d+/);
    assertEquals((await readJson(json)).samples.map((s) => s.participant), ["pytorch"]);
  },
});

Deno.test({
  name: "bench/training.ts: a loss that is no number has failed, and who fails later is reported",
  ignore: !posix,
  async fn() {
    const missing = await interpreter({ about: "made up" }, { losses: [null, null, null, null] });
    const args = ["--only", "pytorch", "--threads", "1", "--python"];
    assertMatch((await bench(...args, missing)).out, /\| PyTorch +\| failed +\|[\s\S]*failed: wrong loss: step 1/);
    const broken = await interpreter({ about: "made up" }, { losses }, { failed: "out of memory" });
    assertMatch((await bench(...args, broken)).out, /\| PyTorch +\| failed +\|[\s\S]*failed: out of memory/);
  },
});

Deno.test("bench/training.ts --profile: every kernel of a step, products by shape, and what is left", async () => {
  const json = `${folder}/profile.json`,
    { code, out, err } = await bench("--profile", "--threads", "1", "--json", json);
  assertEquals(code, 0, err);
  for (const row of ["gemm_f32 768×128×512", "gemm_across_f32 128×768×512", "attention_dx_f32", "adamw_f32"]) {
    assertStringIncludes(out, `| ${row} `);
  }
  assertStringIncludes(out, "**outside of kernels**");
  const [{ kernels, milliseconds }] = JSON.parse(await Deno.readTextFile(json)).profiles as {
    milliseconds: number;
    kernels: { kernel: string; calls: number; milliseconds: number; flops: number }[];
  }[];
  const products = kernels.filter((k) => /^gemm_f32 /.test(k.kernel));
  // Four products of the width, two of the feed-forward, in each of four blocks; and the head.
  assertEquals(products.reduce((sum, k) => sum + k.calls, 0), 4 * 6 + 1);
  const expected = 2 * 768 * (4 * (4 * 128 * 128 + 2 * 128 * 512) + 128 * 65);
  assertEquals(products.reduce((sum, k) => sum + k.flops, 0), expected);
  assert(kernels.reduce((sum, k) => sum + k.milliseconds, 0) <= milliseconds);
});

Deno.test("bench/training.ts says what is wrong with its flags", async () => {
  for (
    const [args, message] of [
      [["--only", "tenon,torch"], '--only is "tenon,torch", expected some of tenon, pytorch, jax, tfjs, tfjs-own'],
      [["--threads", "0"], '--threads is "0", expected different whole numbers from 1'],
      [["--size", "huge"], '--size is "huge", expected small or large'],
      [["--profile", "--only", "tenon"], "--profile is of Tenon alone, expected no --only"],
    ] as const
  ) {
    const { code, err } = await bench(...args);
    assertEquals(code, 2);
    assertStringIncludes(err, message);
  }
});
