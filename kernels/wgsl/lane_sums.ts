/** A sum of four columns that every lane of a panel has a part of. */
export interface LaneSum {
  /** Row of `x` that it is of; there may be fewer rows. */
  readonly row: number;
  /** The variable that holds a lane's part. */
  readonly name: string;
  /** WGSL: where in the panel its columns begin, for each lane that is left. */
  readonly column: string;
}

/** Vectors of sums of each lane that fit into workgroup memory at a time. */
const FOURS = 4;

/** Workgroup memory of {@linkcode addLanes}, and what takes its results to `out`: rows are `stride` long. */
export const laneSums = `
var<workgroup> sums: array<vec4f, ${FOURS} * WORKGROUP>;

fn put_one(row: u32, column: u32, value: f32) {
  if (column >= args.n) { return; }
  var y = value;
  if (HAS_BIAS) { y += bias[args.first + column]; }
  out[row * args.stride + args.first + column] = y;
}

fn put(row: u32, column: u32, value: vec4f) {
  put_one(row, column, value.x);
  put_one(row, column + 1, value.y);
  put_one(row, column + 2, value.z);
  put_one(row, column + 3, value.w);
}
`;

/**
 * Adds up what the `LANES` lanes of a `panel` have, `own` their number in it: those that are half of a panel's lanes apart,
 * then a quarter, and so on, until `left` lanes have different columns, which they put. Of the first `ROWS` rows only.
 */
export function addLanes(all: readonly LaneSum[], left: number): string {
  return Array.from({ length: Math.ceil(all.length / FOURS) }, (_, batch) => {
    const some = all.slice(FOURS * batch, FOURS * (batch + 1));
    const each = (f: (sum: LaneSum, at: string) => string) =>
      some.map((sum, i) => `if (ROWS > ${sum.row}) { ${f(sum, `${i} * WORKGROUP + lane`)} }`).join("\n      ");
    return `
  if (ROWS > ${some[0].row}) {
    workgroupBarrier();
    ${each(({ name }, at) => `sums[${at}] = ${name};`)}
    for (var half = LANES / 2; half >= ${left}; half /= 2) {
      workgroupBarrier();
      if (own < half) {
      ${each((_, at) => `sums[${at}] += sums[${at} + half];`)}
      }
    }
    if (own < ${left} && panel * 8 < args.n) {
      ${each(({ row, column }, at) => `put(${row}, panel * 8 + ${column}, sums[${at}]);`)}
    }
  }`;
  }).join("");
}
