/** Placeholder: the helper that writes elementwise kernels fills it. */
export const math = ``;
