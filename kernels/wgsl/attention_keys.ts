import { each } from "./attention_tile.ts";
import { four, type Kept, type Packed } from "./kept.ts";

/** Numbers of keys that a lane waits for at a time. */
const AHEAD = 16;

/**
 * Declares `s0 …`, the products of all `rows` of attention_rows.ts with `key`, each lane's own if it is `within`.
 *
 * Elements of keys that are packed hold four positions: there the four lanes of four keys have a quarter of the channels
 * each, of all four keys, so that the lanes of a panel read what lies side by side. Their parts meet in `sums`.
 */
export function keyScores(kept: Kept, rows: number): string {
  return kept === "f32" ? scoresOfOne(rows) : scoresOfFour(kept, rows);
}

function scoresOfOne(rows: number): string {
  const type = rows === 1 ? "f32" : "vec4f", vectors = Math.ceil(rows / 4);
  const addKey = (k: string, c: string) =>
    each(vectors, (v) => `s${v} += ${k} * queries[(${c}) * ${vectors}u + ${v}u];`);
  return `${each(vectors, (v) => `var s${v} = ${type}();`)}
    if (within) {
      let at = (unit * args.keyPanels + slot_of(key) / 8u) * HEAD_DIM * 8u + key % 8u;
      var c = 0u;
      for (; c + ${AHEAD}u <= HEAD_DIM; c += ${AHEAD}u) {
        ${each(AHEAD, (i) => `let k${i} = keys[at + 8u * (c + ${i}u)];`)}
        ${each(AHEAD, (i) => addKey(`k${i}`, `c + ${i}u`))}
      }
      for (; c < HEAD_DIM; c++) { ${addKey("keys[at + 8u * c]", "c")} }
    }`;
}

function scoresOfFour(kept: Packed, rows: number): string {
  const type = rows === 1 ? "f32" : "vec4f", vectors = Math.ceil(rows / 4);
  const addKeys = (k: string, c: string) =>
    `{
          let k = ${four(kept, k, "d")};
          ${
      each(vectors, (v) =>
        `let q${v} = queries[(${c}) * ${vectors}u + ${v}u]; ${
          ["x", "y", "z", "w"].map((i) => `${i}${v} += k.${i} * q${v};`).join(" ")
        }`)
    }
        }`;
  const met = (v: number) => {
    const at = (i: number) => `lane / 8u * 8u + ${2 * i}u + lane / 4u % 2u`;
    return rows === 1
      ? `sums[lane] = vec4f(x0, y0, z0, w0);
    workgroupBarrier();
    var s0 = ${[0, 1, 2, 3].map((i) => `sums[${at(i)}][lane % 4u]`).join(" + ")};`
      : `${v ? "workgroupBarrier();" : ""}
    ${["x", "y", "z", "w"].map((i, n) => `sums[${n}u * WORKGROUP + lane] = ${i}${v};`).join(" ")}
    workgroupBarrier();
    var s${v} = ${[0, 1, 2, 3].map((i) => `sums[lane % 4u * WORKGROUP + ${at(i)}]`).join(" + ")};`;
  };
  // All of the lane's channels of a group that shares a scale are waited for at a time.
  return `${each(vectors, (v) => ["x", "y", "z", "w"].map((i) => `var ${i}${v} = ${type}();`).join(" "))}
    let panel_key = key / 8u * 8u; let half = lane % 2u; let own = lane / 2u % 4u;
    if (panel_key + 4u * half < end) {
      let panel = unit * args.keyPanels + slot_of(panel_key) / 8u;
      let at = panel * HEAD_DIM * 2u + half;
      for (var c0 = 0u; c0 < HEAD_DIM; c0 += 32u) {
        ${kept === "q8_0" ? "let d = keyScales[(panel * ((HEAD_DIM + 31u) / 32u) + c0 / 32u) * 2u + half];" : ""}
        var c = c0 + own;
        if (c0 + 32u <= HEAD_DIM) {
          ${each(AHEAD / 2, (i) => `let k${i} = keys[at + 2u * (c + ${4 * i}u)];`)}
          ${each(AHEAD / 2, (i) => addKeys(`k${i}`, `c + ${4 * i}u`))}
          continue;
        }
        for (; c < HEAD_DIM; c += 4u) ${addKeys("keys[at + 2u * c]", "c")}
      }
    }
    ${each(vectors, met)}`;
}
