import type { Kernels } from "../kernels.ts";
import { attentionGradients } from "./attention_gradients.ts";
import { attentionKernels } from "./attention_kernels.ts";
import { elementwiseKernels } from "./elementwise_kernels.ts";
import { embeddingKernels } from "./embedding_kernels.ts";
import type { Gpu } from "./gpu.ts";
import { normKernels } from "./norm_kernels.ts";
import { positionKernels } from "./position_kernels.ts";

/** The kernels in WGSL. */
export function webgpuKernels(gpu: Gpu): Kernels {
  const kernels: Partial<Kernels> = {
    ...attentionGradients(gpu),
    ...attentionKernels(gpu),
    ...elementwiseKernels(gpu),
    ...embeddingKernels(gpu),
    ...normKernels(gpu),
    ...positionKernels(gpu),
  };
  return new Proxy(kernels as Kernels, {
    get(target, name: keyof Kernels) {
      return target[name] ?? (() => {
        throw new TypeError(`Cannot run ${name} on WebGPU: it is not there yet`);
      });
    },
  });
}
