import type { Family } from "./family.ts";
import type { Fields } from "./fields.ts";
import { type AttentionChoice, kindFields, layerKinds, type LlamaBase, llamaLike, perKind } from "./llama_like.ts";
import type { ResolvedConfig } from "../../model/config.ts";

/** Qwen 2 and 2.5. https://arxiv.org/abs/2407.10671 */
export const qwen2: Family = llamaLike({
  architecture: "Qwen2ForCausalLM",
  type: "qwen2",
  defaults: { vocab: 151936, context: 32768, dim: 4096, depth: 32, heads: 32, kvHeads: 32, hidden: 22016 },
  bias: "qkv",
  mlpBias: false,
  config: (fields, base) => ({ ...base.config, attention: qwenAttention(fields, base) }),
  fields: qwenFields,
});

/** Layers that see a window only: from `max_window_layers` on, or as `layer_types` says. */
export function qwenAttention(fields: Fields, { attention, depth }: LlamaBase): AttentionChoice | AttentionChoice[] {
  const used = fields.flag("use_sliding_window", false), window = fields.nullableCount("sliding_window", 4096) ?? null;
  const first = fields.number("max_window_layers", 28);
  const kinds = layerKinds(
    fields,
    depth,
    (i) => used && window !== null && i >= first ? "sliding_attention" : "full_attention",
  );
  return perKind(kinds, (kind) => attention({ window: used && kind === "sliding_attention" ? window : null }));
}

/** The other way. */
export function qwenFields(config: ResolvedConfig): Readonly<Record<string, unknown>> {
  const { sliding_window, layer_types } = kindFields(config);
  const first = (layer_types as string[]).indexOf("sliding_attention");
  return {
    sliding_window,
    layer_types,
    use_sliding_window: first >= 0,
    max_window_layers: first < 0 ? config.depth : first,
  };
}
