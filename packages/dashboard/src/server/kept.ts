/** What was asked for last, up to a number of things, or a total of their sizes. */
export class Kept<Value> {
  readonly #max: number;
  readonly #sizeOf: (value: Value) => number;
  readonly #values = new Map<string, Value>();
  #size = 0;

  /** `sizeOf`: each counts 1 where it is left out. */
  constructor(max: number, sizeOf: (value: Value) => number = () => 1) {
    this.#max = max;
    this.#sizeOf = sizeOf;
  }

  /** Throws what `make` throws; then nothing is kept. */
  get(key: string, make: () => Value): Value {
    const known = this.find(key);
    if (known !== undefined) return known;
    const made = make();
    this.add(key, made);
    return made;
  }

  find(key: string): Value | undefined {
    const known = this.#values.get(key);
    if (known === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, known);
    return known;
  }

  /** What is larger than all that may be kept is not. */
  add(key: string, value: Value): void {
    const size = this.#sizeOf(value);
    if (size > this.#max) return;
    this.remove(key);
    this.#values.set(key, value);
    this.#size += size;
    while (this.#size > this.#max) this.remove(this.#values.keys().next().value!);
  }

  remove(key: string): void {
    const value = this.#values.get(key);
    if (value === undefined) return;
    this.#values.delete(key);
    this.#size -= this.#sizeOf(value);
  }
}
