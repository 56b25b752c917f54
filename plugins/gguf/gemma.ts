import type { ModelConfig } from "../../model/config.ts";
import type { Family } from "./family.ts";
import { type LlamaBase, llamaLike, type LlamaTraits } from "./llama_like.ts";

/** What all models named Gemma share. */
export const gemmaTraits: Pick<LlamaTraits, "activation" | "raised"> = {
  activation: { type: "geglu", approximate: "tanh" },
  raised: /(norm|after)\d?\.weight$/,
};

/** Gemma. https://arxiv.org/abs/2403.08295 */
export const gemma: Family = llamaLike({ ...gemmaTraits, tied: true, config: (_, base) => scaled(base) });

/** The model with Gemma's embedding and norms. */
export function scaled({ config, norm: { eps } }: LlamaBase): ModelConfig {
  return { ...config, stem: { type: "plain", scale: "sqrtDim" }, norm: { type: "rmsNorm", eps, offset: 1 } };
}
