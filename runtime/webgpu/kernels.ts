import type { Kernels } from "../kernels.ts";
import { attentionGradients } from "./attention_gradients.ts";
import { attentionKernels } from "./attention_kernels.ts";
import { elementwiseGradients } from "./elementwise_gradients.ts";
import { elementwiseKernels } from "./elementwise_kernels.ts";
import { embeddingKernels } from "./embedding_kernels.ts";
import type { Gpu } from "./gpu.ts";
import { layoutKernels } from "./layout_kernels.ts";
import { lossKernels } from "./loss_kernels.ts";
import { normKernels } from "./norm_kernels.ts";
import { optimizerKernels } from "./optimizer_kernels.ts";
import { positionKernels } from "./position_kernels.ts";
import { productKernels } from "./product_kernels.ts";
import { softmaxKernels } from "./softmax_kernels.ts";

/** The kernels in WGSL. */
export function webgpuKernels(gpu: Gpu): Kernels {
  return {
    ...attentionGradients(gpu),
    ...attentionKernels(gpu),
    ...elementwiseGradients(gpu),
    ...elementwiseKernels(gpu),
    ...embeddingKernels(gpu),
    ...layoutKernels(gpu),
    ...lossKernels(gpu),
    ...normKernels(gpu),
    ...optimizerKernels(gpu),
    ...positionKernels(gpu),
    ...productKernels(gpu),
    ...softmaxKernels(gpu),
  };
}
