import type { StoredTensor } from "../../model/format.ts";
import type { Naming } from "../huggingface/family.ts";
import { together } from "./arrange.ts";
import type { Stored } from "./family.ts";

/** Parameters that a tensor holds one after another, by the names of both; `#` stands for a number. */
export type Joined = Readonly<Record<string, readonly string[]>>;

/** Parameters under the names of a file. Those of `joined` go into one tensor, where the first of them would be. */
export function named(parameters: ReadonlyMap<string, StoredTensor>, names: Naming, joined: Joined): Stored {
  const tensors = new Map<string, StoredTensor>(), strange: string[] = [], places = new Map<string, string>();
  for (const [name, paths] of Object.entries(joined)) paths.forEach((path) => places.set(path, name));
  for (const [path, tensor] of parameters) {
    const [, number] = /\.(\d+)\./.exec(path) ?? [], general = path.replace(/\.\d+\./, ".#.");
    const [, stem, kind] = /^(.*)\.([^.]*)$/.exec(general) ?? [], place = places.get(stem);
    if (place === undefined) {
      const name = names.name(path);
      if (name === undefined) strange.push(path);
      else tensors.set(name, tensor);
      continue;
    }
    const parts = joined[place].map((part) => parameters.get(`${part.replace("#", number)}.${kind}`));
    const name = `${place.replace("#", number)}.${kind}`, whole = parts.filter((part) => part !== undefined);
    if (whole.length < parts.length) strange.push(path);
    else if (parts[0] === tensor) tensors.set(name, together(whole, place.endsWith("_exps")));
  }
  return { tensors, strange };
}
