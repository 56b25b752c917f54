import type { Kernels } from "../kernels.ts";
import { elementwiseKernels } from "./elementwise_kernels.ts";
import { embeddingKernels } from "./embedding_kernels.ts";
import type { Gpu } from "./gpu.ts";
import { layoutKernels } from "./layout_kernels.ts";
import { normKernels } from "./norm_kernels.ts";
import { productKernels } from "./product_kernels.ts";

/** The kernels in WGSL. */
export function webgpuKernels(gpu: Gpu): Kernels {
  const kernels: Partial<Kernels> = {
    ...elementwiseKernels(gpu),
    ...embeddingKernels(gpu),
    ...layoutKernels(gpu),
    ...normKernels(gpu),
    ...productKernels(gpu),
  };
  return new Proxy(kernels as Kernels, {
    get(target, name: keyof Kernels) {
      return target[name] ?? (() => {
        throw new TypeError(`Cannot run ${name} on WebGPU: it is not there yet`);
      });
    },
  });
}
