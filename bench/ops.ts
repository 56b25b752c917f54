/**
 * Rates of every op beside what this machine could do at best: `deno task bench`, or with a filter
 * `deno task bench matmul`. Runs `deno bench` and reads its times. The same on WebGPU: `deno run -A bench/webgpu.ts --part
 * ops --filter matmul`.
 *
 * @module
 */
import { measureCeiling } from "./ceiling.ts";
import { opBenches } from "./op_cases.ts";

interface Report {
  readonly benches: readonly { readonly name: string; readonly results: readonly { readonly ok?: Times }[] }[];
}

/** Nanoseconds of one run. */
interface Times {
  readonly min: number;
  readonly avg: number;
  readonly p75: number;
}

const filter = Deno.args[0] ?? "";
const { stdout, code } = await new Deno.Command(Deno.execPath(), {
  args: [
    "bench",
    "-A",
    "--json",
    ...(filter ? ["--filter", filter] : []),
    new URL("./ops_bench.ts", import.meta.url).pathname,
  ],
  stderr: "inherit",
}).output();
if (code) Deno.exit(code);
const { benches }: Report = JSON.parse(new TextDecoder().decode(stdout));

const timed = benches.flatMap(({ name, results: [{ ok }] }) => {
  const [full, threads] = name.split(" | "), [kernel, ...rest] = full.split(" ");
  const row = opBenches[kernel as keyof typeof opBenches].find((r) => r.name === rest.join(" "));
  return ok && row ? [{ kernel, row, ok, threads: Number(threads) }] : [];
});

for (const threads of new Set(timed.map((t) => t.threads))) {
  const { gflops, gigabytes } = await measureCeiling(threads, 0.5);
  console.log(
    `\n### ${threads} thread${threads > 1 ? "s" : ""}: at best ${gflops.toFixed(0)} GFLOP/s in registers, ${
      gigabytes.toFixed(0)
    } GB/s from memory\n`,
  );
  console.log(
    "| op | sizes | µs, mean (least) | GFLOP/s | of the peak | GB/s |\n| --- | --- | ---: | ---: | ---: | ---: |",
  );
  for (const { kernel, row, ok } of timed.filter((t) => t.threads === threads)) {
    const rate = row.flops && row.flops / ok.avg, bytes = row.bytes && row.bytes / ok.avg;
    const cells = [
      kernel,
      row.name,
      `${(ok.avg / 1000).toFixed(1)} (${(ok.min / 1000).toFixed(1)})`,
      rate?.toFixed(1) ?? "",
      rate ? `${(100 * rate / gflops).toFixed(0)} %` : "",
      bytes?.toFixed(1) ?? "",
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
