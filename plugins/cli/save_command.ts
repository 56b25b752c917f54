import { openCheckpoint } from "../../model/checkpoint.ts";
import type { Plugin } from "../../model/plugin.ts";
import { openSource, type Source } from "../../model/source.ts";
import type { WeightType } from "../../runtime/tensor.ts";
import { type SavedType, saveGguf } from "../gguf/mod.ts";
import { UsageError } from "./flags.ts";
import { note } from "./terminal.ts";

/** Flags that go with `--save`: no model is run, so that others would mean nothing. */
const FLAGS = ["model", "weights", "save", "offline"];

/** Throws a {@linkcode UsageError} for what `--save` does not go with. */
export function expectSaving(
  given: { readonly model?: string | undefined; readonly weights?: WeightType | "stored" | undefined },
) {
  const { model, weights = "f32" } = given;
  if (model === undefined) throw new UsageError("--save is given without --model, expected both or neither");
  if (weights === "f16" || weights === "stored") {
    throw new UsageError(`--save is given with --weights ${weights}, expected f32, q8_0 or q4_0`);
  }
  const idle = Object.entries<unknown>(given).find(([name, value]) =>
    !FLAGS.includes(name) && value !== undefined && value !== false && String(value) !== ""
  );
  if (idle) throw new UsageError(`--save and --${idle[0]} are both given, expected one of them`);
  return weights;
}

/** Writes a checkpoint to a GGUF file. */
export async function save(
  { from, plugins }: { readonly from: string | Source; readonly plugins: readonly Plugin[] },
  to: string,
  weights: SavedType,
): Promise<number> {
  using source = typeof from === "string" ? openSource(from) : from;
  const checkpoint = await openCheckpoint(source, plugins);
  const { notes } = await saveGguf(to, checkpoint, { weights });
  for (const line of [...checkpoint.notes, ...notes]) note(`note: ${line}`);
  note(`saved ${to}, weights ${weights}`);
  return 0;
}
