import type { Kernels } from "../kernels.ts";
import { elementwiseGradients } from "./elementwise_gradients.ts";
import { elementwiseKernels } from "./elementwise_kernels.ts";
import { embeddingKernels } from "./embedding_kernels.ts";
import type { Gpu } from "./gpu.ts";
import { layoutKernels } from "./layout_kernels.ts";
import { normKernels } from "./norm_kernels.ts";
import { productKernels } from "./product_kernels.ts";
import { lossKernels } from "./loss_kernels.ts";
import { normKernels } from "./norm_kernels.ts";
import { optimizerKernels } from "./optimizer_kernels.ts";
import { softmaxKernels } from "./softmax_kernels.ts";

/** The kernels in WGSL. */
export function webgpuKernels(gpu: Gpu): Kernels {
  const kernels: Partial<Kernels> = {
    ...elementwiseKernels(gpu),
    ...elementwiseGradients(gpu),
    ...embeddingKernels(gpu),
    ...layoutKernels(gpu),
    ...normKernels(gpu),
    ...productKernels(gpu),
    ...lossKernels(gpu),
    ...normKernels(gpu),
    ...optimizerKernels(gpu),
    ...softmaxKernels(gpu),
  };
  return new Proxy(kernels as Kernels, {
    get(target, name: keyof Kernels) {
      return target[name] ?? (() => {
        throw new TypeError(`Cannot run ${name} on WebGPU: it is not there yet`);
      });
    },
  });
}
