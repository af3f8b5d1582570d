/**
 * A cache of things that are being loaded or are there: the ones used last are kept, never more than so many nor, once
 * they are there, more than so many bytes; the one used last is kept however large it is, which lru-cache would not do,
 * and which would make the page an eighth larger.
 */

export interface LruBounds<Value> {
  max: number;
  maxBytes: number;
  bytesOf: (value: Value) => number;
}

interface Entry<Value> {
  value: Promise<Value>;
  /** 0 while it is being loaded. */
  bytes: number;
}

export class Lru<Value> {
  readonly #bounds: LruBounds<Value>;
  /** In order of use, the oldest first. */
  readonly #entries = new Map<string, Entry<Value>>();
  #bytes = 0;

  constructor(bounds: LruBounds<Value>) {
    this.#bounds = bounds;
  }

  /** The thing of that key, loaded at most once at a time; a load that failed is forgotten, so that it is tried again. */
  get(key: string, load: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    const entry = known ?? { value: load(), bytes: 0 };
    this.#entries.set(key, entry);
    if (known === undefined) {
      entry.value.then(
        (value) => this.#weigh(key, entry, this.#bounds.bytesOf(value)),
        () => this.#entries.get(key) === entry && this.#entries.delete(key),
      );
      this.#shrink();
    }
    return entry.value;
  }

  get size(): number {
    return this.#entries.size;
  }

  #weigh(key: string, entry: Entry<Value>, bytes: number): void {
    if (this.#entries.get(key) !== entry) return;
    entry.bytes = bytes;
    this.#bytes += bytes;
    this.#shrink();
  }

  #shrink(): void {
    const { max, maxBytes } = this.#bounds;
    for (const [key, { bytes }] of this.#entries) {
      if (this.#entries.size <= 1 || (this.#entries.size <= max && this.#bytes <= maxBytes)) return;
      this.#entries.delete(key);
      this.#bytes -= bytes;
    }
  }
}
