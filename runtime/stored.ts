/** Supplies bytes `offset … offset + into.length` of a stored tensor. */
export type ReadBytes = (offset: number, into: Uint8Array<ArrayBufferLike>) => void | Promise<void>;

/** How a stored tensor differs from the one it fills. */
export interface StoredAs {
  /** Element type in the file. */
  readonly dtype: "f32" | "f16" | "bf16";
  /** The file holds `[k, n]` where the tensor is `[n, k]`. */
  readonly transposed?: boolean;
  /** The blocks that it is stored in, row after row: one of their type keeps them as they are. */
  readonly blocks?: {
    /** What they are, by the name that GGML has for it. */
    readonly format: { readonly type: string };
    /** Reads their bytes. */
    readonly read: ReadBytes;
  };
}
