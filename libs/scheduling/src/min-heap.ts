/** A binary heap: gives the item that comes before all others. Items must not change their order while they are in it. */
export class MinHeap<T> {
  private readonly items: T[];

  constructor(
    private readonly before: (a: T, b: T) => boolean,
    items: readonly T[] = [],
  ) {
    this.items = [...items];
    for (let index = (this.items.length >> 1) - 1; index >= 0; index--) this.sink(index);
  }

  get size(): number {
    return this.items.length;
  }

  peek(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    let index = this.items.push(item) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.items[above];
      if (parent === undefined || !this.before(item, parent)) break;
      this.items[index] = parent;
      index = above;
    }
    this.items[index] = item;
  }

  pop(): T | undefined {
    const first = this.items[0];
    const last = this.items.pop();
    if (last !== undefined && this.items.length > 0) {
      this.items[0] = last;
      this.sink(0);
    }
    return first;
  }

  /** In no order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.items.values();
  }

  private sink(from: number): void {
    const item = this.items[from];
    if (item === undefined) return;
    let index = from;
    for (;;) {
      let below = 2 * index + 1;
      let child = this.items[below];
      if (child === undefined) break;
      const other = this.items[below + 1];
      if (other !== undefined && this.before(other, child)) {
        child = other;
        below += 1;
      }
      if (!this.before(child, item)) break;
      this.items[index] = child;
      index = below;
    }
    this.items[index] = item;
  }
}
