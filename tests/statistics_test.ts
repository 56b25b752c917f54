import fc from "fast-check";
import {
  incompleteBeta,
  logGamma,
  noncentralTCdf,
  noncentralTSurvival,
  normalCdf,
  tCdf,
  tQuantile,
  tSurvival,
} from "../model/ablation/distributions.ts";
import { powerOf, runsToDetect } from "../model/ablation/power.ts";
import { type Difference, difference, holm, type Sample, summary } from "../model/ablation/statistics.ts";
import { type ArmRuns as Arm, verdict, verdicts } from "../model/ablation/verdict.ts";
import { createRandom } from "../model/random.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";
import { golden, readJson } from "./support.ts";

interface GoldenTest {
  readonly base: number[];
  readonly arm: number[];
  readonly paired: boolean;
  readonly t: number;
  readonly df: number;
  readonly p: number;
  readonly interval: [number, number];
}

interface Golden extends Readonly<Record<string, unknown>> {
  /** The arguments, then the result; of noncentral t the lower tail, then the upper one. */
  readonly noncentralT: number[][];
  readonly tests: GoldenTest[];
  /** `[delta / sd, n, alpha, paired, power]`. */
  readonly power: [number, number, number, boolean, number][];
}

const truth = readJson<Golden>(new URL("statistics.json", golden));

function assertClose(actual: number | undefined, expected: number, relative: number, what: string): void {
  const close = actual !== undefined && Math.abs(actual - expected) <= relative * Math.abs(expected);
  assert(close, `${what} is ${actual}, expected ${expected} ± ${relative} of it`);
}

const samples = (values: readonly number[], firstSeed = 1): Sample[] =>
  values.map((value, i) => ({ seed: firstSeed + i, value }));

/** Standard normal numbers: Box and Muller 1958. */
function normals(seed: number): () => number {
  const random = createRandom(seed, "statistics_test");
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

Deno.test("distributions keep their stated errors", () => {
  for (const [x, expected] of truth.logGamma as number[][]) {
    assert(Math.abs(logGamma(x) - expected) <= 1e-14 * Math.max(1, Math.abs(expected)), `logGamma(${x})`);
  }
  for (const [x, a, b, expected] of truth.incompleteBeta as number[][]) {
    assertClose(incompleteBeta(x, a, b), expected, 1e-12, `incompleteBeta(${x}, ${a}, ${b})`);
  }
  for (const [x, expected] of truth.normalCdf as number[][]) {
    assertClose(normalCdf(x), expected, 1e-13, `normalCdf(${x})`);
  }
  for (const [t, df, expected] of truth.tSurvival as number[][]) {
    assertClose(tSurvival(t, df), expected, Math.max(1e-12, 1e-16 * df), `tSurvival(${t}, ${df})`);
    assertEquals(tCdf(-t, df), tSurvival(t, df));
  }
  for (const [p, df, expected] of truth.tQuantile as number[][]) {
    assertClose(tQuantile(p, df), expected, Math.max(1e-12, 1e-16 * df), `tQuantile(${p}, ${df})`);
  }
  for (const [t, df, delta, below, above] of truth.noncentralT) {
    assertClose(noncentralTCdf(t, df, delta), below, 1e-11, `noncentralTCdf(${t}, ${df}, ${delta})`);
    assertClose(noncentralTSurvival(t, df, delta), above, 1e-11, `noncentralTSurvival(${t}, ${df}, ${delta})`);
  }
});

Deno.test("laws of the distributions", () => {
  const t = fc.double({ min: -6, max: 6, noNaN: true }), df = fc.double({ min: 0.5, max: 500, noNaN: true });
  const p = fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true });
  fc.assert(fc.property(t, df, (t, df) => {
    assert(Math.abs(tCdf(t, df) + tSurvival(t, df) - 1) < 1e-14);
    assertClose(noncentralTSurvival(t, df, 0), tSurvival(t, df), 1e-10, `central t at ${t}, ${df}`);
    assert(noncentralTSurvival(Math.abs(t), df, 1) > tSurvival(Math.abs(t), df));
  }));
  fc.assert(fc.property(p, df, (p, df) => {
    assert(Math.abs(tCdf(tQuantile(p, df), df) - p) < 1e-13, `quantile of ${p}, ${df}`);
  }));
  // Cauchy's and the binomial distribution in closed form.
  assertClose(tSurvival(1, 1), 0.25, 1e-12, "Cauchy's distribution");
  assertClose(tQuantile(0.75, 1), 1, 1e-12, "Cauchy's quantile");
  assertClose(incompleteBeta(0.25, 2, 3), 67 / 256, 1e-12, "the binomial distribution");
});

Deno.test("distributions refuse what they are not defined for", () => {
  const refused: [() => number, string][] = [
    [() => logGamma(0), "Cannot compute the logarithm of Γ: x is 0, expected a positive number"],
    [() => incompleteBeta(1.5, 1, 1), "Cannot compute an incomplete beta function: x is 1.5, expected 0 to 1"],
    [() => normalCdf(NaN), "Cannot compute a normal probability: x is NaN, expected a number"],
    [() => tSurvival(NaN, 3), "Cannot compute a probability of Student's t: t is NaN, expected a number"],
    [
      () => tSurvival(1, 0),
      "Cannot compute a probability of Student's t: the degrees of freedom is 0, expected a positive number",
    ],
    [() => tQuantile(1, 3), "Cannot compute a quantile of Student's t: p is 1, expected 0 < p < 1"],
    [
      () => noncentralTCdf(1, 3, Infinity),
      "Cannot compute a probability of noncentral t: delta is -Infinity, expected a finite number",
    ],
  ];
  for (const [f, message] of refused) assertEquals(assertThrows(f, RangeError).message, message);
  assertEquals([tSurvival(Infinity, 3), tCdf(Infinity, 3), incompleteBeta(0, 1, 2), incompleteBeta(1, 1, 2)], [
    0,
    1,
    0,
    1,
  ]);
});

Deno.test("a difference is that of SciPy's ttest_rel and ttest_ind", () => {
  for (const { base, arm, paired, t, df, p, interval } of truth.tests) {
    const found = difference(samples(base), samples(arm, paired ? 1 : 100));
    assertEquals(found.test, paired ? "paired t test" : "Welch's t test");
    for (
      const [what, actual, expected] of [
        ["t", found.t, t],
        ["degrees of freedom", found.degreesOfFreedom, df],
        ["p", found.p, p],
        ["lower end", found.interval?.[0], interval[0]],
        ["upper end", found.interval?.[1], interval[1]],
      ] as const
    ) assertClose(actual, expected, 1e-10, what);
  }
  const { base, arm } = truth.tests[0];
  assertEquals(
    difference(samples(base), samples(arm), { paired: false }).p,
    difference(samples(base), samples(arm, 9)).p,
  );
});

Deno.test("laws of a difference", () => {
  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 8 });
  fc.assert(fc.property(values, values, fc.integer({ min: 1, max: 9 }), (a, b, first) => {
    const found = difference(samples(a), samples(b, first)), swapped = difference(samples(b, first), samples(a));
    const numbers = [found.mean, found.sd, found.standardError, found.t, found.p, ...found.interval ?? []];
    assert(numbers.every((x) => x === undefined || Number.isFinite(x)), numbers.join());
    assertEquals(found.test, swapped.test);
    const scale = Math.max(...[...a, ...b].map(Math.abs), 1e-300);
    assert(Math.abs(found.mean + swapped.mean) <= 1e-15 * 8 * scale);
    if (found.p !== undefined) assert(found.p >= 0 && found.p <= 1 && Math.abs(found.p - swapped.p!) < 1e-9);
    // 0 is outside the interval exactly where p says so.
    if (found.t === undefined || Math.abs(found.p! - 0.05) < 1e-9) return;
    assertEquals(found.interval![0] > 0 || found.interval![1] < 0, found.p! < 0.05);
  }));
  fc.assert(fc.property(fc.uniqueArray(fc.integer(), { minLength: 2, maxLength: 8 }), (seeds) => {
    const random = createRandom(seeds[0], "values");
    const [base, arm] = [seeds, seeds].map((list) => list.map((seed) => ({ seed, value: random() })));
    const found = difference(base, arm), turned = difference(base, arm.toReversed());
    assertEquals(found.test, "paired t test");
    assertClose(turned.p, found.p!, 1e-10, "p after a change of order");
  }));
});

Deno.test("one run, no variance, unlike seeds", () => {
  const shown = ({ mean, sd, standardError, degreesOfFreedom, t, p, interval, note }: Difference) => [
    [mean, sd, standardError, degreesOfFreedom],
    [t, p, interval, note],
  ];
  const of = (a: readonly number[], b: readonly number[], first = 1) =>
    shown(difference(samples(a), samples(b, first)));
  const none = undefined;
  assertEquals(summary([3]), { n: 1, mean: 3, sd: undefined });
  assertEquals(summary([0.1, 0.1, 0.1]), { n: 3, mean: 0.1, sd: 0 });
  assertEquals(of([1], [3]), [[2, none, none, none], [none, none, none, "an arm has one run"]]);
  assertEquals(of([1], [3, 4]), [[2.5, none, none, none], [none, none, none, "an arm has one run"]]);
  assertEquals(of([1, 2], [1, 2]), [[0, 0, 0, 1], [none, 1, [0, 0], "the runs are equal"]]);
  assertEquals(of([2, 2], [2, 2], 7), [[0, 0, 0, 2], [none, 1, [0, 0], "the runs are equal"]]);
  assertEquals(of([2, 2], [3, 3], 7), [[1, 0, 0, 2], [none, none, none, "no variance: the seeds change nothing"]]);
  // The differences are 0.1 but for rounding.
  const rounded = difference(samples([1, 1.1, 1.2]), samples([1.1, 1.2, 1.3]));
  assertEquals([rounded.p, rounded.note], [undefined, "no variance: the seeds change nothing"]);
  // All of the variance is in one arm: its degrees of freedom, and the one-sample test.
  const half = difference(samples([2, 2, 2]), samples([3, 4, 5], 7));
  assertEquals(half.degreesOfFreedom, 2);
  assertClose(half.standardError, Math.sqrt(1 / 3), 1e-15, "standard error");

  const pair = samples([1, 2]);
  const refused: [() => unknown, string][] = [
    [() => summary([]), "Cannot summarise values: there are none, expected at least one"],
    [() => difference(samples([1, NaN]), pair), "one is NaN, expected finite numbers within ±1e+150"],
    [() => difference(pair, samples([1, -Infinity])), "one is -Infinity, expected finite numbers"],
    [() => difference(pair, [...pair, pair[1]]), "seed 2 occurs twice in the arm, expected each seed once"],
    [() => difference([...pair, pair[0]], pair), "seed 1 occurs twice in the base, expected each seed once"],
    [() => difference([{ seed: 0.5, value: 1 }], pair), "a seed is 0.5, expected a whole number"],
    [() => difference(pair, samples([1, 2], 2), { paired: true }), "Cannot pair runs: the arms have different seeds"],
    [() => difference(pair, samples([1, 2, 3]), { paired: true }), "Cannot pair runs: the arms have different seeds"],
    [() => difference(pair, pair, { confidence: 95 }), "confidence is 95, expected 0 < confidence < 1"],
  ];
  for (const [f, message] of refused) assertThrows(f, RangeError, message);
});

Deno.test("95 % intervals cover the truth, and 5 % of nulls are found", () => {
  const draws = 2_000, normal = normals(1), effect = -0.7;
  const draw = (n: number, make: (i: number) => number) => Array.from({ length: n }, (_, i) => make(i));
  const designs: Readonly<Record<string, (effect: number) => Difference>> = {
    paired(effect) {
      const shared = draw(5, () => 3 * normal());
      return difference(samples(shared.map((v) => v + normal())), samples(shared.map((v) => v + effect + normal())));
    },
    // Unlike sizes and variances.
    unpaired: (effect) =>
      difference(samples(draw(6, () => normal())), samples(draw(9, () => effect + 2 * normal()), 100)),
  };
  for (const [name, design] of Object.entries(designs)) {
    let covered = 0, found = 0;
    for (let i = 0; i < draws; i++) {
      const [low, high] = design(effect).interval!;
      covered += Number(low <= effect && effect <= high);
      found += Number(design(0).p! <= 0.05);
    }
    console.log(`${name}: ${covered} of ${draws} intervals cover the truth, ${found} of ${draws} nulls are found`);
    assert(covered >= 0.93 * draws && covered <= 0.97 * draws, `${name}: ${covered} intervals cover`);
    assert(found >= 0.035 * draws && found <= 0.065 * draws, `${name}: ${found} nulls found`);
  }
});

Deno.test("Holm's adjustment keeps the error of five arms", () => {
  const draws = 2_000, normal = normals(2), runs = () => samples(Array.from({ length: 5 }, () => normal()));
  let raw = 0, adjusted = 0;
  for (let i = 0; i < draws; i++) {
    const base = runs(), p = Array.from({ length: 5 }, () => difference(base, runs()).p!);
    raw += Number(p.some((p) => p <= 0.05));
    adjusted += Number(holm(p).some((p) => p! <= 0.05));
  }
  console.log(`five arms: a false find in ${raw} of ${draws} families, ${adjusted} after Holm`);
  assert(raw > 0.1 * draws, `${raw} without adjustment: the test would see nothing`);
  assert(adjusted <= 0.065 * draws, `${adjusted} after adjustment`);
});

Deno.test("Holm's adjusted p-values", () => {
  const round = (list: (number | undefined)[]) => list.map((p) => p === undefined ? p : Math.round(p * 1e12) / 1e12);
  assertEquals(round(holm([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02]);
  assertEquals(round(holm([0.01, undefined, 0.2])), [0.03, undefined, 0.4]); // three planned
  assertEquals([holm([]), holm([0.5, 0.9]), holm([0.02])], [[], [1, 1], [0.02]]);
  for (const p of [-0.1, 1.1, NaN]) assertThrows(() => holm([p]), RangeError, `one is ${p}, expected 0 to 1`);
  const p = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });
  fc.assert(fc.property(p, (p) => {
    const adjusted = holm(p) as number[];
    p.forEach((a, i) => {
      assert(adjusted[i] >= a && adjusted[i] <= Math.min(1, p.length * a), `${a} became ${adjusted[i]}`);
      p.forEach((b, j) => assert(a > b || adjusted[i] <= adjusted[j], "order lost"));
    });
  }));
});

Deno.test("power is exact, and gives the known numbers of runs", () => {
  for (const [delta, n, alpha, paired, expected] of truth.power) {
    assertClose(powerOf({ delta, sd: 1, n, alpha, paired }), expected, 1e-10, `power of ${delta}, ${n}, ${alpha}`);
  }
  assertEquals(powerOf({ delta: 0, sd: 1, n: 5, paired: true }), 0.05);
  assertEquals(powerOf({ delta: -1, sd: 1, n: 5, paired: true }), powerOf({ delta: 1, sd: 1, n: 5, paired: true }));
  const needed = (delta: number, paired = false) => runsToDetect({ delta, sd: 0.0076, paired });
  assertEquals([0.02, 0.01, 0.005, 0.0001].map((delta) => needed(delta)), [4, 11, 38, 90_671]);
  assertEquals([0.02, 0.01, 0.005].map((delta) => needed(delta, true)), [4, 7, 21]);
  assertEquals([needed(1e-6), needed(1e6), runsToDetect({ delta: 1, sd: 0, paired: true })], [Infinity, 2, 2]);
  const effects = fc.record({
    delta: fc.double({ min: 0.05, max: 20, noNaN: true }),
    alpha: fc.constantFrom(0.001, 0.05, 0.2),
    power: fc.constantFrom(0.3, 0.8, 0.95),
    paired: fc.boolean(),
  });
  fc.assert(fc.property(effects, (e) => {
    const n = runsToDetect({ ...e, sd: 1 });
    assert(powerOf({ ...e, sd: 1, n }) >= e.power, `${n} are too few`);
    assert(n === 2 || powerOf({ ...e, sd: 1, n: n - 1 }) < e.power, `${n} are too many`);
  }));
  const refused: [() => number, string][] = [
    [() => powerOf({ delta: 1, sd: 1, n: 1, paired: true }), "n is 1, expected a whole number of at least 2"],
    [() => powerOf({ delta: NaN, sd: 1, n: 2, paired: true }), "delta is NaN, expected a finite number"],
    [() => powerOf({ delta: 1, sd: -1, n: 2, paired: true }), "sd is -1, expected 0 or more"],
    [() => powerOf({ delta: 1, sd: 1, n: 2, alpha: 0, paired: true }), "alpha is 0, expected 0 < alpha < 1"],
    [() => runsToDetect({ delta: 0, sd: 1, paired: true }), "delta is 0, expected another number"],
    [() => runsToDetect({ delta: 1, sd: 1, power: 1, paired: true }), "power is 1, expected 0 < power < 1"],
  ];
  for (const [f, message] of refused) assertThrows(f, RangeError, message);
});

Deno.test("verdicts", () => {
  const arm = (name: string, values: readonly number[], diverged: readonly number[] = [], first = 1): Arm => ({
    name,
    runs: samples(values, first),
    diverged,
  });
  const gelu = arm("gelu", [1.8982, 1.898, 1.9059, 1.8952, 1.9138]);
  const relu = arm("relu", [1.8162, 1.8134, 1.8215, 1.8151, 1.829]),
    rms = arm("rms", [1.894, 1.9022, 1.8991, 1.8962, 1.91]);
  const options = { detect: 0.01 }, beside = (base: Arm, ...arms: Arm[]) => arms.map((arm) => [base, arm] as const);
  const words = (base: Arm, arms: Arm[], more = {}) =>
    verdicts(beside(base, ...arms), { ...options, ...more }).map((v) => v.words);
  assertEquals(words(gelu, [relu, rms]), ["better", "no difference shown; these 5 seeds were enough to show 0.01"]);
  assertEquals(words(relu, [gelu]), ["worse"]);
  assertEquals(words(relu, [gelu], { better: "higher" }), ["better"]);
  assertEquals(words(gelu, [rms], { detect: 0.005 }), ["no difference shown; n = 9 seeds would show 0.005"]);
  // Unpaired, with the pooled sd of 0.0076 and 0.0061: that of the arms.
  const other = arm("other", rms.runs.map((r) => r.value), [], 50);
  const { sd } = difference(gelu.runs, other.runs), needed = runsToDetect({ delta: 0.005, sd: sd!, paired: false });
  assertEquals(words(gelu, [other], { detect: 0.005 }), [`no difference shown; n = ${needed} seeds would show 0.005`]);
  // Four more arms ask for more seeds, and a p that was enough alone is not.
  const five = verdicts(beside(gelu, rms, rms, rms, rms, rms), { detect: 0.005 })[0];
  const strict = runsToDetect({ delta: 0.005, sd: five.difference!.sd!, alpha: 0.01, paired: true });
  assertEquals(five.words, `no difference shown; n = ${strict} seeds would show 0.005`);
  const slight = arm("slight", [1.888, 1.8956, 1.8985, 1.883, 1.9081]);
  assertEquals(words(gelu, [slight]), ["better"]);
  assertEquals(verdicts(beside(gelu, slight, rms, rms, rms, rms, rms), options)[0].kind, "no difference shown");

  assertEquals(words(gelu, [gelu]), ["no difference shown: the runs are equal"]);
  assertEquals(words(arm("a", [1]), [arm("b", [2])]), ["not tested: an arm has one run"]);
  assertEquals(words(gelu, [rms], { detect: 1e-7 }), [
    "no difference shown; more than 1,000,000 seeds would show 1e-7",
  ]);

  // Diverged runs are named, win nothing, and count as planned.
  const lost = arm("lost", [1.2, 1.3], [3, 4, 5]);
  const [broken, whole] = verdicts(beside(gelu, lost, slight), options);
  assertEquals(broken, { kind: "diverged", words: "3 of 5 runs diverged", difference: undefined, adjusted: undefined });
  assertClose(whole.adjusted, 2 * whole.difference!.p!, 1e-15, "p of one of two");
  assertEquals(words(arm("all", [], [1, 2]), [gelu, lost]), [
    "all: 2 of 2 runs diverged",
    "3 of 5 runs diverged; all: 2 of 2 runs diverged",
  ]);

  const found = difference(gelu.runs, rms.runs);
  const refused: [() => unknown, string][] = [
    [() => words(gelu, [arm("none", [])]), "Cannot judge none: it has no runs, expected at least one"],
    [() => words(gelu, [arm("twice", [1], [1])]), "Cannot judge twice: a seed occurs twice, expected each seed once"],
    [() => words(gelu, [rms], { detect: 0 }), "detect is 0, expected a positive number"],
    [() => verdict(found, undefined, options), "expected at least p"],
    [() => verdict(found, found.p! / 2, options), "expected at least p"],
  ];
  for (const [f, message] of refused) assertThrows(f, RangeError, message);
});
