import { builtins } from "../../components/builtins.ts";
import { type ModelConfig, resolveConfig, type ResolvedConfig } from "../../model/config.ts";
import { CheckpointError } from "../../model/source.ts";
import { canonical, differences } from "./canonical.ts";

/** Version of the section that is written, and the only one that is read. */
const VERSION = 1;
/** `model_type` of models that no family has a name for: their tensors have the names of parameters. */
export const OWN = "tenon";

/** What the key `tenon` of config.json holds: the whole config, in Tenon's terms. */
export function writeSection(config: ResolvedConfig): Readonly<Record<string, unknown>> {
  return { version: VERSION, config };
}

/** The config in the section, or `undefined` if there is none. What the config says is checked when a model is built. */
export function readSection(json: Readonly<Record<string, unknown>>): ModelConfig | undefined {
  const section = json.tenon;
  if (section === undefined) return undefined;
  const wrong = (what: string, value: unknown, expected: string) =>
    new CheckpointError(`Cannot read config.json: ${what} is ${JSON.stringify(value)}, expected ${expected}`);
  if (!isObject(section)) throw wrong("tenon", section, "an object");
  const { version, config, ...rest } = section;
  if (version !== VERSION) {
    throw wrong("tenon.version", version, `${VERSION}, the one that this version of Tenon reads`);
  }
  if (!isObject(config)) throw wrong("tenon.config", config, "an object");
  const [extra] = Object.keys(rest);
  if (extra !== undefined) throw wrong(`tenon.${extra}`, rest[extra], "only version and config");
  return config as unknown as ModelConfig;
}

/** The section's config, which must mean what the family's fields mean: other programs go by those. */
export function agreedConfig(section: ModelConfig, family: ModelConfig, type: string): ModelConfig {
  const [own, theirs] = [section, family].map((config) => {
    try {
      return canonical(resolveConfig(builtins, config));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const which = config === section ? "its tenon section" : `its ${type} fields`;
      throw new CheckpointError(`Cannot read config.json: ${which}: ${error.message}`, { cause: error });
    }
  });
  const [first] = differences(theirs, own);
  if (first) {
    const { path, values } = first, [a, b] = values.map((v) => JSON.stringify(v));
    throw new CheckpointError(
      `Cannot read config.json: its ${type} fields mean ${path} ${a}, its tenon section says ${b}, ` +
        "expected the same (without the section, the fields alone count)",
    );
  }
  return section;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
