import type { StoredTensor, TensorToStore } from "../../model/format.ts";
import { CheckpointError } from "../../model/source.ts";
import { size } from "../../runtime/tensor.ts";
import { activations } from "./activations.ts";
import { type Family, float, keyFor, type Naming, naming } from "./family.ts";
import { type AttentionChoice, MOST_LAYERS } from "./llama_like.ts";

/** Values of a piece of a tensor that is transposed while it is written. */
const PIECE = 1 << 18;

/** Names of tensors, without what they may begin with. */
export const gpt2Names: Naming = naming([
  ["wte", "embedding"],
  ["wpe.weight", "position.table"],
  ["h.#.ln_1", "blocks.#.norm1"],
  ["h.#.ln_2", "blocks.#.norm2"],
  ["h.#.attn.c_proj", "blocks.#.attention.out"],
  ["h.#.mlp.c_fc", "blocks.#.feedForward.up"],
  ["h.#.mlp.c_proj", "blocks.#.feedForward.down"],
  ["ln_f", "norm"],
  ["lm_head", "head"],
]);
/** Products whose weights are stored input-major. */
const TRANSPOSED = /\.c_(fc|proj)\.weight$/;

/** GPT-2. https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf */
export const gpt2: Family = {
  config(fields) {
    const dim = fields.count("n_embd", 768), heads = fields.count("n_head", 12);
    const depth = fields.count("n_layer", 12),
      scale = fields.flag("scale_attn_weights", true) ? (dim / heads) ** -0.5 : 1;
    const plain: AttentionChoice = { type: "multiHead", bias: "all", ...(scale === 1 && { scale }) };
    const inverse = fields.flag("scale_attn_by_inverse_layer_idx", false), layers = Math.min(depth, MOST_LAYERS);
    fields.only("add_cross_attention", false);
    fields.maybeCount("n_ctx"); // an old name of n_positions
    return {
      vocab: fields.count("vocab_size", 50257),
      context: fields.count("n_positions", 1024),
      dim,
      depth,
      heads,
      tied: fields.flag("tie_word_embeddings", true),
      position: "learned",
      norm: { type: "layerNorm", eps: fields.number("layer_norm_epsilon", 1e-5) },
      attention: inverse ? Array.from({ length: layers }, (_, i) => ({ ...plain, scale: scale / (i + 1) })) : plain,
      feedForward: {
        ...fields.choice("activation_function", activations, "gelu_new"),
        hidden: fields.maybeCount("n_inner") ?? 4 * dim,
        bias: true,
      },
      block: "preNorm",
    };
  },
  weights(name, tensor, { tied, dim }) {
    name = name.replace(/^transformer\./, "");
    if (/\.attn\.(masked_)?bias$/.test(name) || (tied && name === "lm_head.weight")) return [];
    const fused = /^h\.(\d+)\.attn\.c_attn\.(weight|bias)$/.exec(name);
    if (fused) {
      return ["q", "k", "v"].map((part, i) => [
        `blocks.${fused[1]}.attention.${part}.${fused[2]}`,
        columns(tensor, i * dim, dim, 3 * dim),
      ]);
    }
    const path = gpt2Names.path(name), transposed = TRANSPOSED.test(name);
    return path === undefined ? undefined : [[path, transposed ? { ...tensor, transposed } : tensor]];
  },
  fields({ vocab, context, dim, depth, heads, tied, norm, ...rest }) {
    const { hidden, bias: _, ...activation } = rest.feedForward as Readonly<Record<string, unknown>>;
    const { scale } = rest.attention as Readonly<Record<string, unknown>>;
    return {
      architectures: ["GPT2LMHeadModel"],
      model_type: "gpt2",
      n_embd: dim,
      n_layer: depth,
      n_head: heads,
      n_positions: context,
      n_ctx: context,
      ...(hidden !== 4 * dim && { n_inner: hidden }),
      vocab_size: vocab,
      activation_function: keyFor(activations, activation),
      layer_norm_epsilon: float("eps" in norm ? norm.eps : undefined),
      ...(scale === 1 && { scale_attn_weights: false }),
      tie_word_embeddings: tied,
    };
  },
  store(tensors) {
    const stored = new Map<string, TensorToStore>();
    for (const [path, tensor] of tensors) {
      const [, layer, part, kind] = /^blocks\.(\d+)\.attention\.([qkv])\.(weight|bias)$/.exec(path) ?? [];
      if (part === "q") {
        const parts = ["q", "k", "v"].map((p) => tensors.get(`blocks.${layer}.attention.${p}.${kind}`)!);
        stored.set(`transformer.h.${layer}.attn.c_attn.${kind}`, kind === "weight" ? inputMajor(parts) : joined(parts));
      }
      if (part !== undefined) continue;
      const name = gpt2Names.name(path)!;
      const full = name.startsWith("lm_head.") ? name : `transformer.${name}`;
      stored.set(full, TRANSPOSED.test(name) ? inputMajor([tensor]) : tensor);
    }
    return stored;
  },
};

/** Columns `first … first + count` of a stored `[k, all]` weight (input-major) or `[all]` bias. */
function columns(tensor: StoredTensor, first: number, count: number, all: number): StoredTensor {
  const bytes = tensor.dtype === "f32" ? 4 : 2, rows = tensor.shape.length === 2 ? tensor.shape[0] : 1;
  if (tensor.shape.at(-1) !== all) {
    throw new CheckpointError(`Cannot read ${tensor.where}: its shape is [${tensor.shape}], expected [..., ${all}]`);
  }
  return {
    ...tensor,
    shape: tensor.shape.length === 2 ? [rows, count] : [count],
    transposed: tensor.shape.length === 2,
    async read(offset, into) {
      const width = count * bytes; // pieces are whole rows
      for (let row = offset / width, at = 0; at < into.length; row++, at += width) {
        await tensor.read((row * all + first) * bytes, into.subarray(at, at + width));
      }
    },
  };
}

/** Weights `[nᵢ, k]` transposed, side by side: `[k, Σ nᵢ]`. Holds them while they are written. */
function inputMajor(parts: readonly TensorToStore[]): TensorToStore {
  const widths = parts.map(({ shape }) => shape[0]), all = widths.reduce((a, b) => a + b), k = parts[0].shape[1];
  return {
    shape: [k, all],
    async *pieces() {
      const whole: Float32Array[] = [];
      for (const part of parts) whole.push(await valuesOf(part));
      const step = Math.max(1, Math.floor(PIECE / all));
      for (let first = 0; first < k; first += step) {
        const rows = Math.min(step, k - first), piece = new Float32Array(rows * all);
        for (let row = first, at = 0; row < first + rows; row++) {
          for (const [p, values] of whole.entries()) {
            for (let j = 0; j < widths[p]; j++) piece[at++] = values[j * k + row];
          }
        }
        yield piece;
      }
    },
  };
}

/** Biases `[nᵢ]` one after another: `[Σ nᵢ]`. */
function joined(parts: readonly TensorToStore[]): TensorToStore {
  return {
    shape: [parts.reduce((sum, { shape }) => sum + shape[0], 0)],
    async *pieces() {
      for (const part of parts) yield* part.pieces();
    },
  };
}

async function valuesOf({ shape, pieces }: TensorToStore): Promise<Float32Array> {
  const values = new Float32Array(size(shape));
  let at = 0;
  for await (const piece of pieces()) {
    values.set(piece, at);
    at += piece.length;
  }
  return values;
}
