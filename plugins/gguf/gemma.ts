import type { ModelConfig } from "../../model/config.ts";
import type { StoredTensor } from "../../model/format.ts";
import { CheckpointError } from "../../model/source.ts";
import type { Family } from "./family.ts";
import { type LlamaBase, llamaLike, type LlamaTraits } from "./llama_like.ts";

/** What all models named Gemma share. */
export const gemmaTraits: Pick<LlamaTraits, "activation" | "arrange"> = {
  activation: { type: "geglu", approximate: "tanh" },
  arrange: (path, tensor) => /(norm|after)\d?\.weight$/.test(path) ? lessOne(tensor) : tensor,
};

/** Gemma. https://arxiv.org/abs/2403.08295 */
export const gemma: Family = llamaLike({ ...gemmaTraits, config: (_, base) => scaled(base) });

/** The model with Gemma's embedding and norms. */
export function scaled({ config, norm: { eps } }: LlamaBase): ModelConfig {
  return { ...config, stem: { type: "plain", scale: "sqrtDim" }, norm: { type: "rmsNorm", eps, offset: 1 } };
}

/** Gains of norms without the 1 that GGUF files have in them: with it, other programs would not know a saved model. */
function lessOne(tensor: StoredTensor): StoredTensor {
  const { where, shape, dtype, read } = tensor;
  if (dtype !== "f32") throw new CheckpointError(`Cannot read ${where}: it is ${dtype}, expected f32 in a norm`);
  return {
    where,
    shape,
    dtype,
    async read(offset, into) {
      const first = Math.floor(offset / 4), end = Math.ceil((offset + into.length) / 4);
      const values = new Float32Array(end - first), bytes = new Uint8Array(values.buffer);
      await read(4 * first, bytes);
      values.forEach((value, i) => values[i] = value - 1);
      into.set(bytes.subarray(offset - 4 * first, offset - 4 * first + into.length));
    },
  };
}
