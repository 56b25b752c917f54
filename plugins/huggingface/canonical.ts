import { quarterHeads, type SoftmaxAttentionConfig } from "../../components/attentions/grouped.ts";
import type { GroupedQueryConfig } from "../../components/attentions/grouped_query.ts";
import { gatedHidden } from "../../components/feed_forwards/hidden.ts";
import type { RopeConfig } from "../../components/positions/rope.ts";
import { forLayer, type PerLayer, type ResolvedConfig, type ResolvedOptions } from "../../model/config.ts";

/**
 * A config with the same meaning in a form that two configs of the same meaning share: what `null` stands for is filled
 * in, the softmax attentions are one, equal layers are given once. How weights start is left out. Components that are not
 * built in stay as they are.
 */
export function canonical(config: ResolvedConfig): ResolvedConfig {
  const { depth } = config;
  const layers = (choice: PerLayer<ResolvedOptions>, one: (part: ResolvedOptions) => ResolvedOptions) => {
    const all = Array.from({ length: depth }, (_, i) => one(forLayer(choice, i)));
    return all.every((part) => JSON.stringify(part) === JSON.stringify(all[0])) ? all[0] : all;
  };
  const attention = layers(config.attention, (part) => attentionOf(part, config));
  return {
    ...config,
    position: layers(config.position, (part) => positionOf(part, attention)),
    norm: layers(config.norm, (part) => part),
    attention,
    queryKey: layers(config.queryKey, (part) => part),
    scores: layers(config.scores, (part) => part),
    feedForward: layers(config.feedForward, (part) => feedForwardOf(part, config)),
    block: layers(config.block, (part) => part),
  };
}

/** Where two canonical configs differ, with both values: `norm.eps 0.00001, 0.000001`. */
export function differences(a: ResolvedConfig, b: ResolvedConfig): { path: string; values: [unknown, unknown] }[] {
  const found: { path: string; values: [unknown, unknown] }[] = [];
  const isObject = (v: unknown): v is Record<string, unknown> =>
    typeof v === "object" && v !== null && !Array.isArray(v);
  const visit = (path: string, x: unknown, y: unknown) => {
    const sameKind = isObject(x) && isObject(y) && x.type === y.type;
    if (!sameKind) {
      if (JSON.stringify(x) !== JSON.stringify(y)) found.push({ path, values: [x, y] });
      return;
    }
    for (const key of new Set([...Object.keys(x), ...Object.keys(y)])) {
      visit(path === "" ? key : `${path}.${key}`, x[key], y[key]);
    }
  };
  visit("", a, b);
  return found;
}

function attentionOf(part: ResolvedOptions, { heads, dim, context }: ResolvedConfig): ResolvedOptions {
  const { type, ...options } = part as unknown as Partial<GroupedQueryConfig> & SoftmaxAttentionConfig & {
    type: string;
  };
  if (type !== "multiHead" && type !== "multiQuery" && type !== "groupedQuery") return part;
  const kvHeads = type === "multiHead" ? heads : type === "multiQuery" ? 1 : options.kvHeads ?? quarterHeads(heads);
  const headDim = options.headDim ?? dim / heads;
  const window = options.window !== null && options.window < context ? options.window : null;
  return { type: "softmax", kvHeads, headDim, bias: options.bias, window, scale: options.scale ?? headDim ** -0.5 };
}

function feedForwardOf(part: ResolvedOptions, { dim }: ResolvedConfig): ResolvedOptions {
  const gated = ["reglu", "geglu", "swiglu", "experts"].includes(part.type);
  if (!gated && !["relu", "reluSquared", "gelu", "silu"].includes(part.type)) return part;
  return { ...part, hidden: part.hidden ?? (gated ? gatedHidden(dim) : 4 * dim) };
}

function positionOf(part: ResolvedOptions, attention: PerLayer<ResolvedOptions>): ResolvedOptions {
  if (part.type === "learned") return { type: "learned" };
  if (part.type !== "rope") return part;
  const { dims } = part as unknown as RopeConfig;
  const whole = dims !== null && [attention].flat().every((layer) => (layer as ResolvedOptions).headDim === dims);
  return { ...part, dims: whole ? null : dims };
}
