/** A binary heap whose first element comes before all others by `before`. */
export class Heap<T> {
  #items: T[] = [];
  #before: (a: T, b: T) => boolean;

  /** An empty one. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  /** Adds an element. */
  push(item: T): void {
    let at = this.#items.push(item) - 1;
    for (let parent; at > 0 && this.#before(item, this.#items[parent = (at - 1) >> 1]); at = parent) {
      this.#items[at] = this.#items[parent];
    }
    this.#items[at] = item;
  }

  /** Takes the first element out. */
  pop(): T | undefined {
    const first = this.#items[0], last = this.#items.pop();
    if (last === undefined || !this.#items.length) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child + 1 < this.#items.length && this.#before(this.#items[child + 1], this.#items[child])) child++;
      if (child >= this.#items.length || !this.#before(this.#items[child], last)) break;
      this.#items[at] = this.#items[child];
      at = child;
    }
    this.#items[at] = last;
    return first;
  }
}
