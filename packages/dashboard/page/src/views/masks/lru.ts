/** A cache of things that are being loaded or are there: the ones used last are kept, never more than `max`. */

export class Lru<Value> {
  readonly #max: number;
  /** In order of use, the oldest first. */
  readonly #entries = new Map<string, Promise<Value>>();

  constructor(max: number) {
    this.#max = max;
  }

  /** The thing of that key, loaded at most once at a time; a load that failed is forgotten, so that it is tried again. */
  get(key: string, load: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    const value = known ?? load();
    this.#entries.set(key, value);
    if (known === undefined) {
      value.catch(() => {
        if (this.#entries.get(key) === value) this.#entries.delete(key);
      });
      for (const oldest of this.#entries.keys()) {
        if (this.#entries.size <= this.#max) break;
        this.#entries.delete(oldest);
      }
    }
    return value;
  }

  get size(): number {
    return this.#entries.size;
  }
}
