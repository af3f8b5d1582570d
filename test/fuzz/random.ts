/**
 * Random numbers for the fuzzer: input i of a reader under a seed is always the same bytes, so that a finding is told
 * by three numbers. (sfc32 of PractRand, seeded by a hash of the three; nothing here needs to be unpredictable.)
 */
import { createHash } from 'node:crypto';

export class Random {
  readonly #state: Uint32Array;

  constructor(...key: (string | number)[]) {
    const hash = createHash('sha256').update(key.join('\n')).digest();
    this.#state = new Uint32Array(4).map((_, i) => hash.readUInt32LE(4 * i));
  }

  /** A whole number from 0 to 2^32 - 1. */
  word(): number {
    const s = this.#state;
    const sum = (s[0]! + s[1]! + s[3]!) >>> 0;
    s[3]! += 1;
    s[0] = s[1]! ^ (s[1]! >>> 9);
    s[1] = s[2]! + (s[2]! << 3);
    s[2] = ((s[2]! << 21) | (s[2]! >>> 11)) + sum;
    return sum;
  }

  /** A whole number from 0 to n - 1; 0 for n = 0. */
  below(n: number): number {
    return Math.floor((this.word() / 2 ** 32) * n);
  }

  chance(probability: number): boolean {
    return this.word() / 2 ** 32 < probability;
  }

  /** A length from 1 to n, short ones more often. */
  length(n: number): number {
    return Math.max(1, Math.min(n, Math.floor(2 ** ((this.word() / 2 ** 32) * Math.log2(n + 1)))));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}
