import type { Kernels } from "../kernels.ts";
import type { Gpu } from "./gpu.ts";
export function attentionGradients(_gpu: Gpu): Pick<Kernels, "attentionGrad"> { return {} as never; }
