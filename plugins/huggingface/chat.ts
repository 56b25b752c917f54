import type { ChatTemplates } from "../../model/format.ts";
import { show } from "../../model/json.ts";
import { CheckpointError, readFile, readJson, type Source } from "../../model/source.ts";

const TEMPLATE = "chat_template.jinja", SETTINGS = "tokenizer_config.json", MAP = "special_tokens_map.json";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The chat templates of a folder: `chat_template.jinja`, which transformers has written since version 4.51 and prefers,
 * or `chat_template` of `tokenizer_config.json`, one text or a list of named ones. Special tokens are those of
 * `tokenizer_config.json`, then of `special_tokens_map.json`.
 * https://huggingface.co/docs/transformers/main/en/chat_templating_writing
 */
export async function readChat(source: Source): Promise<ChatTemplates | undefined> {
  const optional = async (name: string) => source.files.includes(name) ? await readJson(source, name) : {};
  const settings = await optional(SETTINGS), tokens = { ...specialTokens(await optional(MAP), MAP) };
  Object.assign(tokens, specialTokens(settings, SETTINGS));
  if (source.files.includes(TEMPLATE)) {
    const text = new TextDecoder().decode(await readFile(source, TEMPLATE));
    return { file: TEMPLATE, templates: { default: text }, tokens };
  }
  const { chat_template: given } = settings;
  if (given === undefined || given === null) return undefined;
  return { file: SETTINGS, templates: namedTemplates(given), tokens };
}

function namedTemplates(given: unknown): Record<string, string> {
  if (typeof given === "string") return { default: given };
  const named = Array.isArray(given) ? given : [undefined];
  return Object.fromEntries(named.map((entry, i) => {
    const { name, template } = (entry ?? {}) as Fields;
    if (typeof name === "string" && typeof template === "string") return [name, template];
    const at = Array.isArray(given) ? `chat_template[${i}]` : "chat_template";
    throw new CheckpointError(
      `Cannot read ${SETTINGS}: ${at} is ${
        show(Array.isArray(given) ? entry : given)
      }, expected a text, or a list of { name, template }`,
    );
  }));
}

/** `bos_token` and its kin: texts, or objects that hold one. */
function specialTokens(json: Fields, file: string): Record<string, string> {
  const named = Object.entries(json).filter(([key, value]) => key.endsWith("_token") && value !== null);
  return Object.fromEntries(
    named.filter(([, value]) => typeof value !== "boolean").map(([key, value]) => {
      const text = typeof value === "object" ? (value as Fields).content : value;
      if (typeof text === "string") return [key, text];
      throw new CheckpointError(`Cannot read ${file}: ${key} is ${show(value)}, expected a text`);
    }),
  );
}
