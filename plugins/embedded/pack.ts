/**
 * Packs a checkpoint into the module that the package carries.
 *
 *     deno run -A plugins/embedded/pack.ts --model stories/
 *
 * Exit codes: 0 ok, 1 failure, 2 usage.
 *
 * @module
 */
import { loadModel } from "../../model/checkpoint.ts";
import { sha256 } from "../../model/sha256.ts";
import { openSink } from "../../model/sink.ts";
import { CheckpointError } from "../../model/source.ts";
import { createRuntime } from "../../runtime/runtime.ts";
import { flagHelp, parseFlags, text, toggle, UsageError } from "../cli/flags.ts";
import { note, print, runCommand } from "../cli/terminal.ts";
import { huggingface } from "../huggingface/mod.ts";
import { packedModule, packModel } from "./packed.ts";

/** Most bytes of the module. */
const LIMIT = 1_500_000;
const OUT = new URL("./gen/model.ts", import.meta.url);

const flags = {
  model: text("folder", "a Hugging Face folder with a byte-level BPE tokenizer.json"),
  out: text("file", "module to write (default: gen/model.ts beside this file)"),
  placeholder: toggle("say in the file that its weights are random"),
  help: toggle("print this"),
};

async function main(args: readonly string[]): Promise<number> {
  const given = parseFlags(args, flags);
  if (given.help) {
    print(`Usage: deno run -A plugins/embedded/pack.ts --model <folder> [flags]\n\n${flagHelp(flags)}\n`);
    return 0;
  }
  if (given.model === undefined) throw new UsageError("--model is missing, expected a folder");
  const out = given.out ?? decodeURIComponent(OUT.pathname), [, folder, file] = /^(.*?)([^/\\]*)$/s.exec(out)!;
  if (!file.endsWith(".ts")) {
    throw new UsageError(`--out is ${JSON.stringify(out)}, expected a file that ends with .ts`);
  }

  using runtime = await createRuntime({ threads: 1 });
  const { model, checkpoint } = await loadModel(runtime, given.model, { plugins: [huggingface] });
  for (const line of checkpoint.notes) note(`note: ${line}`);
  const json = (await checkpoint.tokenizer())?.json;
  if (!json) throw new CheckpointError(`Cannot pack ${given.model}: it has no tokenizer.json, expected one`);
  const { bytes, parameters, worst, mean, relative } = await packModel(model, json, given.placeholder);
  const module = new TextEncoder().encode(packedModule(bytes));
  if (module.length > LIMIT) {
    throw new CheckpointError(
      `Cannot pack ${given.model}: the module has ${module.length} bytes for ${parameters} parameters, ` +
        `expected at most ${LIMIT} bytes`,
    );
  }
  using sink = openSink(folder || ".");
  await sink.write(file, [module]);
  sink.commit();
  print(`${out}: ${module.length} of ${LIMIT} bytes\n`);
  print(`${parameters} parameters, ${bytes.length} bytes packed, SHA-256 ${await sha256(bytes)}\n`);
  print(
    `error of matrices: worst ${worst.error.toExponential(2)} (${worst.name}), mean ${mean.toExponential(2)}, ` +
      `relative RMS ${(100 * relative).toFixed(3)} %\n`,
  );
  return 0;
}

if (import.meta.main) await runCommand("pack.ts", main);
