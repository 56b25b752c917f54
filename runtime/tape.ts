import type { Sum } from "./gradient_kernels.ts";
import type { Kernels } from "./kernels.ts";
import { bytesOf, describeTensor, type Tensor } from "./tensor.ts";

/** What a {@linkcode Tape} needs of a runtime. */
export interface TapeHost {
  /** A scratch tensor. */
  temp(shape: readonly number[], dtype?: Tensor["dtype"], layout?: Tensor["layout"]): Tensor;
  /** What gradients are set to zero with. */
  readonly kernels: Pick<Kernels, "fill">;
}

interface Tracked {
  readonly tensor: Tensor;
  gradient: Tensor | undefined;
  /** Nothing has been written to the gradient. */
  empty: boolean;
  /** The gradient is scratch memory of this tape. */
  own: boolean;
}

/**
 * Ops recorded as they run, and played back in reverse: reverse-mode differentiation. A gradient is a tensor of the shape
 * and layout of what it belongs to; contributions add up. Only what depends on a tracked tensor is recorded, so a
 * parameter that is not tracked is frozen, and what leads only to it costs nothing.
 *
 * Tensors are known by their memory: a view (a reshaped tensor, some of its rows) has the gradient of what it views.
 */
export class Tape {
  #host: TapeHost;
  #parent: Tape | undefined;
  #tracked = new Map<number, Tracked>();
  /** Gradients that nothing needs any more, by size: memory that is warm in caches. */
  #free = new Map<number, Tensor[]>();
  #playing: Tracked | undefined;
  #steps: { readonly out: Tensor; readonly back: (g: Tensor) => void }[] = [];

  /** A tape that keeps gradients in scratch memory of `host`; what it does not track itself, `parent` may. */
  constructor(host: TapeHost, parent?: Tape) {
    this.#host = host;
    this.#parent = parent;
  }

  /** Wants the gradient of `t`; it is added to `gradient` (written there if that is empty), or to zeros. */
  track(t: Tensor, gradient?: Sum): void {
    if (gradient && (gradient.layout !== t.layout || String(gradient.shape) !== String(t.shape))) {
      throw new TypeError(`Cannot add the gradient of ${describeTensor(t)} to ${describeTensor(gradient)}`);
    }
    this.#tracked.set(t.ptr, { tensor: t, gradient, empty: gradient?.empty ?? true, own: false });
  }

  /** Whether any of `inputs` leads back to a tracked tensor. */
  tracks(...inputs: readonly (Tensor | undefined)[]): boolean {
    return inputs.some((t) => t && this.#find(t));
  }

  /**
   * Records that `out` was computed from `inputs` (`undefined` if it is not known from what); `back` adds to their
   * gradients, given that of `out`.
   */
  record(out: Tensor, inputs: readonly (Tensor | undefined)[] | undefined, back: (g: Tensor) => void): void {
    if (inputs && !this.tracks(...inputs)) return;
    this.track(out);
    this.#steps.push({ out, back });
  }

  /** The gradient of `t`, to add to; `undefined` if none is wanted. */
  gradient(t: Tensor | undefined): Tensor | undefined {
    const found = t && this.#find(t);
    if (!found) return undefined;
    const gradient = this.#gradientOf(found);
    if (found.empty) this.#host.kernels.fill(gradient, 0);
    found.empty = false;
    return { ...t, ptr: gradient.ptr + t.ptr - found.tensor.ptr };
  }

  /** The same for a kernel that takes a {@linkcode Sum}. If it is empty, all of it must be written. */
  sum(t: Tensor | undefined): Sum | undefined {
    const found = t && this.#find(t);
    if (!found?.empty || bytesOf(found.tensor) !== bytesOf(t!)) return this.gradient(t);
    found.empty = false;
    return { ...t!, ptr: this.#gradientOf(found).ptr, empty: true };
  }

  /**
   * Makes `g`, the gradient that a step is being played back for, the gradient of `t` if it has none yet: what addition
   * would copy. Returns whether it did; `g` must not be used for another tensor then.
   */
  give(t: Tensor | undefined, g: Tensor): boolean {
    const found = t && this.#tracked.get(t.ptr), giver = this.#playing;
    if (!found || found.gradient || !giver?.own || giver.gradient?.ptr !== g.ptr) return false;
    if (String(found.tensor.shape) !== String(g.shape)) return false;
    found.gradient = g;
    found.empty = false;
    found.own = true;
    giver.own = false;
    return true;
  }

  #gradientOf(tracked: Tracked): Tensor {
    if (!tracked.gradient) {
      const { shape, dtype, layout } = tracked.tensor, free = this.#free.get(bytesOf(tracked.tensor))?.pop();
      tracked.gradient = free ? { ...free, shape, layout } : this.#host.temp(shape, dtype, layout);
      tracked.own = true;
    }
    return tracked.gradient;
  }

  /** Plays back from `out`, whose gradient is `g`. The tape is empty afterwards. */
  backward(out: Tensor, g: Tensor): void {
    const found = this.#tracked.get(out.ptr);
    if (!found) {
      throw new TypeError(`Cannot differentiate ${describeTensor(out)}: it depends on nothing that is tracked`);
    }
    found.gradient = g;
    found.empty = false;
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      const made = this.#tracked.get(step.out.ptr);
      // What did not lead to the result has no gradient.
      if (!made?.gradient) continue;
      const gradient = made.gradient;
      this.#playing = made;
      step.back(gradient);
      // Whatever used `out` came later, so has been played back before.
      if (!made.own) continue;
      const bytes = bytesOf(gradient), free = this.#free.get(bytes);
      if (free) free.push(gradient);
      else this.#free.set(bytes, [gradient]);
    }
    this.#playing = undefined;
  }

  #find(t: Tensor): Tracked | undefined {
    const exact = this.#tracked.get(t.ptr);
    if (exact) return exact;
    for (const tracked of this.#tracked.values()) {
      const { ptr } = tracked.tensor;
      if (ptr <= t.ptr && t.ptr < ptr + bytesOf(tracked.tensor)) return tracked;
    }
    return this.#parent ? this.#parent.#find(t) : undefined;
  }
}
