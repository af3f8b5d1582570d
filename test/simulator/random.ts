/**
 * The simulator's own random numbers (sfc32): fast, seeded, and drawn in the order in which things happen, so that one
 * seed is one schedule, whatever the product does with numbers of its own.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x100000000) | 0;
    this.#c = Math.imul(stream, 0x9e3779b9) | 0;
    for (let i = 0; i < 12; i++) this.word();
  }

  /** 32 bits. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** In [0, 1). */
  unit(): number {
    return this.word() / 0x100000000;
  }

  /** In [least, most). */
  between(least: number, most: number): number {
    return least + (most - least) * this.unit();
  }

  /** A whole number in [least, most]. */
  whole(least: number, most: number): number {
    return least + Math.floor((most - least + 1) * this.unit());
  }

  chance(probability: number): boolean {
    return probability > 0 && this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.unit() * items.length)]!;
  }
}
