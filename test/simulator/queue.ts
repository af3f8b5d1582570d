/**
 * What will happen, by virtual time: a binary heap. Of two events of one time, the one that was put in first comes
 * first, so that a schedule has one order and no more.
 */
interface Entry {
  atMs: number;
  order: number;
  run: () => void;
}

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export class EventQueue {
  readonly #heap: Entry[] = [];
  #nextOrder = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(atMs: number, run: () => void): void {
    const heap = this.#heap;
    const entry = { atMs, order: this.#nextOrder++, run };
    let index = heap.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (isBefore(heap[above]!, entry)) break;
      heap[index] = heap[above]!;
      index = above;
    }
    heap[index] = entry;
  }

  /** Takes out the first; undefined when nothing will happen any more. */
  pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || !last) return first;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below++;
      if (isBefore(last, heap[below]!)) break;
      heap[index] = heap[below]!;
      index = below;
    }
    heap[index] = last;
    return first;
  }
}
