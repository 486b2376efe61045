// @ts-check

/**
 * Events in the order of their times; those of one time in the order in which they were put.
 *
 * Owns its entries. What must hold: no entry is before its parent, which is the one at half its place.
 * @template Event
 */
export class EventHeap {
  /** @type {{ at: number, order: number, event: Event }[]} */
  #entries = [];
  #put = 0;

  get size() {
    return this.#entries.length;
  }

  /** When the next one is; undefined where there is none. */
  get nextAt() {
    return this.#entries[0]?.at;
  }

  /** @param {number} at @param {Event} event */
  put(at, event) {
    const entry = { at, order: this.#put, event };
    this.#put += 1;
    let place = this.#entries.length;
    this.#entries.push(entry);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = /** @type {typeof entry} */ (this.#entries[parent]);
      if (!isBefore(entry, above)) break;
      this.#entries[place] = above;
      place = parent;
    }
    this.#entries[place] = entry;
  }

  /** @returns {Event | undefined} the next one, which is then out */
  take() {
    const first = this.#entries[0];
    const last = this.#entries.pop();
    if (first === undefined || last === undefined || this.#entries.length === 0) return first?.event;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const [leftChild, rightChild] = [this.#entries[left], this.#entries[left + 1]];
      if (leftChild === undefined) break;
      const [child, at] = rightChild !== undefined && isBefore(rightChild, leftChild) ? [rightChild, left + 1] : [leftChild, left];
      if (!isBefore(child, last)) break;
      this.#entries[place] = child;
      place = at;
    }
    this.#entries[place] = last;
    return first.event;
  }
}

/** @param {{ at: number, order: number }} one @param {{ at: number, order: number }} other */
const isBefore = (one, other) => one.at < other.at || (one.at === other.at && one.order < other.order);
