import { squareBlocks } from "../../runtime/optimizer_kernels.ts";
import type { Tensor } from "../../runtime/tensor.ts";
import type { OptimizerContext } from "./optimizer.ts";

/** Of the polynomial `a x + b x³ + c x⁵`, whose slope at 0 is as steep as it can be. Jordan et al. 2024. */
const A = 3.4445, B = -4.775, C = 2.0315, STEPS = 5;

/** What {@linkcode orthogonalize} needs of an optimizer's context. */
type Host = Pick<OptimizerContext, "kernels" | "scope" | "temp">;

/**
 * Replaces a matrix `u = U S Vᵀ` by about `U Vᵀ`: five steps of the Newton–Schulz iteration
 * `X = a X + (b X Xᵀ + c (X Xᵀ)²) X` from `X = u / ‖u‖`, which take singular values to between 0.7 and 1.2. In f32, on the
 * short side of the matrix. Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/
 */
export function orthogonalize(u: Tensor, { kernels, scope, temp }: Host): void {
  const [short, long] = [...u.shape].sort((a, b) => a - b);
  scope(() => {
    const sums = temp([squareBlocks(u)]);
    kernels.squareSums(sums, u);
    kernels.normalize(u, u, sums, 1e-7);
    const x = temp([short, long]), panels = temp([short, long], "f32", "panels");
    const transposed = temp([long, short], "f32", "panels"), product = temp([short, long]);
    const gram = temp([short, short]), square = temp([short, short]), packed = temp([short, short], "f32", "panels");
    toWide(x, u);
    for (let i = 0; i < STEPS; i++) {
      kernels.pack(panels, x, 0);
      kernels.matmul(gram, x, panels);
      kernels.pack(packed, gram, 0);
      kernels.matmul(square, gram, packed); // the Gram matrix is its own transpose
      kernels.combine(gram, gram, square, B, C);
      kernels.packTransposed(transposed, x, 0);
      kernels.matmul(product, gram, transposed);
      kernels.combine(x, x, product, A, 1);
    }
    fromWide(u, x);
  });

  /** Rows of `from`, or of its transpose where it has more rows than columns. */
  function toWide(x: Tensor, from: Tensor): void {
    const rows = from.layout === "rows" ? from : temp(from.shape);
    if (from.layout === "panels") kernels.unpack(rows, from);
    transposeOrCopy(x, rows);
  }

  /** The inverse of {@linkcode toWide}. */
  function fromWide(to: Tensor, x: Tensor): void {
    if (to.layout === "rows") return transposeOrCopy(to, x);
    if (to.shape[0] === x.shape[0]) kernels.pack(to, x, 0);
    else kernels.packTransposed(to, x, 0);
  }

  function transposeOrCopy(out: Tensor, rows: Tensor): void {
    if (out.shape[0] === rows.shape[0]) return kernels.scale(out, rows, 1);
    const panels = temp(out.shape, "f32", "panels");
    kernels.packTransposed(panels, rows, 0);
    kernels.unpack(out, panels);
  }
}
