import type { ModelConfig, ResolvedConfig } from "../../model/config.ts";
import type { StoredTensor, TensorToStore } from "../../model/format.ts";
import type { Fields } from "./fields.ts";

/** How the checkpoints of one `model_type` are read and written. */
export interface Family {
  /** The model that a config.json describes. */
  config(fields: Fields): ModelConfig;
  /**
   * The parameters that a stored tensor holds: `[]` for buffers and copies that the model does not need, `undefined` for a
   * name that it does not know.
   */
  weights(name: string, tensor: StoredTensor, config: ModelConfig): [path: string, tensor: StoredTensor][] | undefined;
  /**
   * The fields of config.json for `config`, in canonical form. Nothing needs to be checked here: a config fits a family
   * if {@linkcode Family.config} gives it back. Absent where checkpoints are only read.
   */
  fields?(config: ResolvedConfig): Readonly<Record<string, unknown>>;
  /** What {@linkcode Family.fields} could say, but the family's own library refuses: names of config fields. */
  limits?(config: ResolvedConfig): string[];
  /** The stored tensors for the parameters of a model that fits. */
  store?(tensors: ReadonlyMap<string, TensorToStore>): Map<string, TensorToStore>;
}

/** Stored names and parameter paths, both ways. `#` stands for a number; `.weight` and `.bias` may follow. */
export interface Naming {
  /** The path of the parameter that a stored tensor of this name is. */
  path(name: string): string | undefined;
  /** The name under which a parameter is stored. */
  name(path: string): string | undefined;
}

/** A {@linkcode Naming} from pairs of stored name and parameter path. */
export function naming(pairs: readonly (readonly [name: string, path: string])[]): Naming {
  const paths = new Map(pairs), names = new Map(pairs.map(([name, path]) => [path, name]));
  return { path: (name) => translate(paths, name), name: (path) => translate(names, path) };
}

function translate(table: ReadonlyMap<string, string>, name: string): string | undefined {
  const [, number] = /\.(\d+)\./.exec(name) ?? [], general = name.replace(/\.\d+\./, ".#.");
  const [, stem, part] = /^(.*)(\.[^.]*)$/.exec(general) ?? [];
  const whole = table.get(general), found = whole ?? table.get(stem);
  return found && (whole ?? found + part).replace("#", number ?? "#");
}

/** How stored tensors become parameters where most of them only have another name. */
export interface Renaming {
  /** Names and paths, see {@linkcode naming}. */
  readonly names: readonly (readonly [name: string, path: string])[];
  /** What names may begin with, which is left out of the others. */
  readonly prefix?: string;
  /** What all names but the head's begin with, unless a model was stored without its head. */
  readonly base?: string;
  /** Names of tensors that are no parameters, beside rotary frequencies. */
  readonly buffers?: RegExp;
  /** Parameters in stored tensors that hold several, or in another form; `undefined` for other tensors. */
  split?(name: string, tensor: StoredTensor, config: ModelConfig): [path: string, tensor: StoredTensor][] | undefined;
}

/** {@linkcode Family.weights} of a renaming. The head of a tied model is a copy. */
export function renamed({ names: pairs, prefix = "", base = "", buffers, split }: Renaming): Family["weights"] {
  const names = naming(pairs);
  return (name, tensor, config) => {
    if (name.startsWith(prefix)) name = name.slice(prefix.length);
    if (!name.startsWith(base) && !/^(lm_head|embed_out)\./.test(name)) name = base + name;
    if (/\.rotary_emb\.inv_freq$/.test(name) || buffers?.test(name)) return [];
    if (config.tied && /^(lm_head|embed_out)\.weight$/.test(name)) return [];
    const path = names.path(name);
    return split?.(name, tensor, config) ?? (path === undefined ? undefined : [[path, tensor]]);
  };
}

/** `x` as JSON that other languages read as a fraction: `10000.0`. Some refuse or warn about `10000` here. */
export function float(x: unknown): unknown {
  if (!Number.isInteger(x) || Math.abs(x as number) >= 1e15) return x;
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(`${x}.0`);
}

/** The first key of `names` with this value. */
export function keyFor(names: Readonly<Record<string, object>>, value: object): string | undefined {
  return Object.keys(names).find((key) => JSON.stringify(names[key]) === JSON.stringify(value));
}
