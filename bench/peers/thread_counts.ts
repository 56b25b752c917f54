import type { Flag } from "../../plugins/cli/flags.ts";

/** `--threads` of a benchmark: several numbers. */
export const threadCounts: Flag<number[]> & { value: string } = {
  value: "list",
  help: "numbers of threads, with commas between (default 1,2)",
  parse(given) {
    const counts = given.split(",").map(Number);
    if (counts.every((n) => Number.isInteger(n) && n >= 1 && n <= 64) && new Set(counts).size === counts.length) {
      return counts;
    }
    throw "different whole numbers from 1 up to 64 with commas between";
  },
};
