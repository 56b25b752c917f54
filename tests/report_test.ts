/** What a training writes for people: the plot, the log, numbers. */
import { bitsPerByte, duration, openLog, progressLine } from "../plugins/cli/train_log.ts";
import { lossPlot, type LossPoint } from "../plugins/report/loss_plot.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "./assert.ts";
import { inFolder } from "./disks.ts";
import { CheckpointError } from "../model/source.ts";

const curve = (steps: number): LossPoint[] =>
  Array.from({ length: steps }, (_, i) => ({ step: i + 1, loss: 1 + 3 / (1 + i / 20) + 0.1 * Math.sin(7 * i) }));

/** Points of a line, by its class. */
function pointsOf(svg: string, name: string): [x: number, y: number][] {
  const points = svg.match(new RegExp(`<polyline class="${name}" points="([^"]*)"`))![1];
  return points.split(" ").map((pair) => pair.split(",").map(Number) as [number, number]);
}

Deno.test("the plot has axes with numbers, three lines, a legend, and colours for light and dark", () => {
  const validation = [{ step: 0, loss: 4.1 }, { step: 100, loss: 2 }, { step: 200, loss: 1.5 }];
  const svg = lossPlot({ title: "a <b> & c", training: curve(200), validation });
  assertStringIncludes(svg, "<title>a &#60;b&#62; &#38; c</title>");
  const texts = [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map((m) => m[1]);
  for (
    const text of ["0", "100", "200", "1", "2", "3", "4", "step", "loss, nats per token", "training", "validation"]
  ) {
    assert(texts.includes(text), `${text} is not in ${texts}`);
  }
  assertStringIncludes(svg, "prefers-color-scheme: dark");
  assertEquals(pointsOf(svg, "raw").length, 200);
  const held = pointsOf(svg, "held"), raw = pointsOf(svg, "raw");
  assertEquals((svg.match(/<circle /g) ?? []).length, 3);
  assertEquals([held[0][0], held[2][0]], [64, 776]); // from edge to edge
  assert(held[0][1] < held[1][1] && held[1][1] < held[2][1], "smaller losses are lower");
  for (const [x, y] of [...held, ...raw]) assert(x >= 64 && x <= 776 && y >= 56 && y <= 424, `${x}, ${y}`);
  const wobble = (points: [number, number][]) =>
    points.slice(21).reduce((sum, [, y], i) => sum + Math.abs(y - points[i + 20][1]), 0);
  assert(wobble(pointsOf(svg, "mean")) < 0.7 * wobble(raw), "the smoothed line is smoother");
});

Deno.test("losses that span much are drawn on a logarithmic axis: equal ratios, equal distances", () => {
  const validation = [8, 4, 2, 1, 0.5].map((loss, step) => ({ step, loss }));
  const svg = lossPlot({ title: "t", training: [], validation });
  const texts = [...svg.matchAll(/<text [^>]*text-anchor="end">([^<]*)<\/text>/g)].map((m) => m[1]);
  assertEquals(texts, ["0.5", "0.7", "1", "2", "3", "5", "7", "10"]);
  assertStringIncludes(svg, ">loss, nats per token, logarithmic<");
  const heights = pointsOf(svg, "held").map(([, y]) => y), steps = heights.slice(1).map((y, i) => y - heights[i]);
  for (const step of steps) assert(Math.abs(step - steps[0]) <= 0.2, `${steps}`);
  assertEquals(heights[4], 424);
});

Deno.test("the plot of nothing, of one step, of equal losses and of very many is a plot", () => {
  for (const training of [[], curve(1), [{ step: 1, loss: 2 }, { step: 2, loss: 2 }], curve(100_000)]) {
    const svg = lossPlot({ title: "t", training, validation: training.slice(0, 1) });
    assert(!/NaN|Infinity|undefined/.test(svg));
    assertMatch(svg, /^<svg [\s\S]*<\/svg>\n$/);
    assert(svg.length < 40_000, `${svg.length} characters`);
  }
  assertEquals(pointsOf(lossPlot({ title: "t", training: curve(100_000), validation: [] }), "raw").length <= 600, true);
});

const step = (step: number) => ({ step, loss: 5 - step, norm: 1, learningRate: 0.1, tokens: 8 * step, seconds: step });

Deno.test("a log that is opened again keeps what came up to its step, and drops what was not finished", async () => {
  await inFolder((folder) => {
    const path = `${folder}/metrics.jsonl`;
    {
      using log = openLog(folder, 0, "t");
      log.add({ step: 0, validation: 5, bitsPerByte: 7, seconds: 0 });
      for (let i = 1; i <= 4; i++) log.add(step(i));
      log.save();
    }
    const whole = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, `${whole}{"step":3,"lo`);
    {
      using log = openLog(folder, 3, "t");
      assertEquals([log.steps, log.evaluations.length], [[step(1), step(2), step(3)], 1]);
      log.add(step(4));
    }
    assertEquals(Deno.readTextFileSync(path), whole);
    using fresh = openLog(folder, -1, "t");
    assertEquals([fresh.steps, Deno.readTextFileSync(path)], [[], ""]);
    const error = assertThrows(() => openLog(`${folder}/none`, 0, "t"), CheckpointError);
    assertMatch(error.message, /^Cannot write .*\/none\/metrics\.jsonl: /);
  });
});

Deno.test("bits for each byte, durations and the progress line", () => {
  // 100 tokens of ln 4 nats are 200 bits, of 50 bytes.
  assertEquals(bitsPerByte({ loss: Math.log(4) }, { tokens: 100, bytes: 50 }), 4);
  assertEquals([0, 59.6, 125, 3725].map(duration), ["0:00", "1:00", "2:05", "1:02:05"]);
  assertEquals(
    progressLine({ step: 720, steps: 1500, loss: 1.7341, rate: 13204.4, left: 155 }),
    "[#####·······] 48%  step 720/1,500  loss 1.734  13,204 tokens/s  2:35 left",
  );
});
