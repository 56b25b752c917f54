import { CheckpointError } from "../../model/source.ts";

/** Keys that say nothing about what a model computes. */
const INERT = new Set(
  ("architectures auto_map _name_or_path name_or_path model_type transformers_version torch_dtype dtype use_cache " +
    "bos_token_id eos_token_id pad_token_id unk_token_id sep_token_id decoder_start_token_id initializer_range " +
    "attention_dropout attention_probs_dropout_prob hidden_dropout hidden_dropout_prob resid_pdrop embd_pdrop attn_pdrop " +
    "gradient_checkpointing keys_to_ignore_at_inference task_specific_params id2label label2id return_dict problem_type " +
    "output_attentions output_hidden_states attention_softmax_in_fp32 scale_attention_softmax_in_fp32 " +
    "bias_dropout_fusion masked_softmax_fusion skip_bias_add skip_bias_add_qkv slow_but_exact offset_alibi init_std " +
    "pretraining_tp router_aux_loss_coef output_router_logits router_jitter_noise embedding_initializer_range " +
    "cache_implementation is_encoder_decoder is_decoder summary_activation summary_first_dropout " +
    "summary_proj_to_labels summary_type summary_use_proj reorder_and_upcast_attn tenon").split(" "),
);

/**
 * Names of what one family has and another has not. Sizes and activations are not among them: hub files carry those of other
 * families, which nobody looks at.
 */
const MATHS = new RegExp(
  "rope|rotary|window|bias|scal|softcap|expert|moe|attn|attention|layer_types|alibi|residual|multipl|clip|tie_|parallel|" +
    "quant|logit|sink|layernorm|qk_|norm_before|norm_type|multi_query|kv|proj|pos_emb|decoder_architecture|bidirectional|" +
    "per_layer|causal",
);

/** Whether a field says that there is nothing out of the ordinary. */
function isNeutral(key: string, value: unknown): boolean {
  if (
    value === null || value === (key === "is_causal") ||
    (Array.isArray(value) && value.every((v) => v === "full_attention"))
  ) {
    return true;
  }
  return value === 1 && /scal|multipl|factor/.test(key);
}

/**
 * Reads a config.json field by field, and knows which fields have been read. A key may list other names of a field,
 * `n_head|num_attention_heads`: the first that is there counts, and others must say the same.
 */
export interface Fields {
  /** A number, `fallback` if absent. */
  number(key: string, fallback?: number): number;
  /** A whole number from 1, `fallback` if absent. */
  count(key: string, fallback?: number): number;
  /** The same, or `undefined` if absent or null. */
  maybeCount(key: string): number | undefined;
  /** The same with a fallback for a field that is absent, but `undefined` for one that is null. */
  nullableCount(key: string, fallback: number | undefined): number | undefined;
  /** The same for any number. */
  nullableNumber(key: string, fallback: number | undefined): number | undefined;
  /** A list of numbers. */
  numbers(key: string): number[];
  /** A list of texts, or `undefined` if absent or null. */
  texts(key: string): string[] | undefined;
  /** A value of any kind, `undefined` if absent or null. */
  any(key: string): unknown;
  /** `true` or `false`, `fallback` if absent. */
  flag(key: string, fallback: boolean): boolean;
  /** A key of `names`, translated. */
  choice<T>(key: string, names: Readonly<Record<string, T>>, fallback: string): T;
  /** An object, or `undefined` if absent or null. */
  object(key: string): Fields | undefined;
  /** Refuses any value but `value` (or none): Tenon does not have what others mean. */
  only(key: string, value: unknown): void;
  /** Fields that have not been read and may matter. */
  unread(): string[];
  /** Throws if one of those has a name and a value that change what a model computes. */
  expectUnderstood(type: string): void;
}

/** Fields of `json`; `where` goes before their names in messages. */
export function readFields(json: Readonly<Record<string, unknown>>, where: string): Fields {
  const seen = new Set<string>();
  const take = (keys: string): unknown => {
    const names = keys.split("|"), [first, ...others] = names.filter((name) => (json[name] ?? undefined) !== undefined);
    for (const name of names) seen.add(name);
    const other = others.find((name) => JSON.stringify(json[name]) !== JSON.stringify(json[first]));
    if (other !== undefined) throw wrong(other, json[other], `what ${first} is, ${JSON.stringify(json[first])}`);
    return first === undefined ? undefined : json[first];
  };
  const isNull = (keys: string) => keys.split("|").some((name) => json[name] === null) && take(keys) === undefined;
  const listOf = <T>(key: string, what: string, fits: (value: unknown) => value is T): T[] | undefined => {
    const value = take(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every(fits)) throw wrong(key, value, `a list of ${what}`);
    return value;
  };
  const wrong = (key: string, value: unknown, expected: string) =>
    new CheckpointError(
      `Cannot read ${where}: ${key} is ${
        value === undefined ? "missing" : JSON.stringify(value)
      }, expected ${expected}`,
    );
  const fields: Fields = {
    number(key, fallback) {
      const value = take(key) ?? fallback;
      if (typeof value !== "number" || !Number.isFinite(value)) throw wrong(key, value, "a number");
      return value;
    },
    count(key, fallback) {
      const value = take(key) ?? fallback;
      if (!Number.isSafeInteger(value) || (value as number) < 1) throw wrong(key, value, "a whole number from 1");
      return value as number;
    },
    nullableCount: (key, fallback) =>
      isNull(key) || (fallback === undefined && take(key) === undefined) ? undefined : fields.count(key, fallback),
    nullableNumber: (key, fallback) =>
      isNull(key) || (fallback === undefined && take(key) === undefined) ? undefined : fields.number(key, fallback),
    numbers(key) {
      const list = listOf(key, "numbers", (v): v is number => typeof v === "number" && Number.isFinite(v));
      if (!list) throw wrong(key, undefined, "a list of numbers");
      return list;
    },
    any: take,
    texts: (key) => listOf(key, "texts", (v): v is string => typeof v === "string"),
    maybeCount: (key) => take(key) === undefined ? undefined : fields.count(key),
    flag(key, fallback) {
      const value = take(key) ?? fallback;
      if (typeof value !== "boolean") throw wrong(key, value, "true or false");
      return value;
    },
    choice(key, names, fallback) {
      const value = take(key) ?? fallback;
      if (typeof value !== "string" || !Object.hasOwn(names, value)) {
        throw wrong(key, value, Object.keys(names).map((n) => JSON.stringify(n)).join(" or "));
      }
      return names[value];
    },
    object(key) {
      const value = take(key);
      if (value === undefined) return undefined;
      if (typeof value !== "object" || Array.isArray(value)) throw wrong(key, value, "an object");
      return readFields(value as Record<string, unknown>, `${where}: ${key}`);
    },
    only(key, value) {
      const given = take(key);
      if (given !== undefined && JSON.stringify(given) !== JSON.stringify(value)) {
        throw wrong(key, given, `${JSON.stringify(value)}: anything else is not supported`);
      }
    },
    expectUnderstood(type) {
      const odd = fields.unread().find((key) => MATHS.test(key) && !isNeutral(key, json[key]));
      if (odd === undefined) return;
      throw new CheckpointError(
        `Cannot read ${where}: ${odd} is ${JSON.stringify(json[odd])}, which ${type} models in Tenon do not know, ` +
          "expected none",
      );
    },
    unread: () =>
      Object.keys(json).filter((key) =>
        !seen.has(key) && !INERT.has(key) && !/drop|flash|attn_implementation/.test(key)
      ),
  };
  return fields;
}
