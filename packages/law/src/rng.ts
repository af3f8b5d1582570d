/**
 * Random numbers as a pure function of a key and a counter: Philox4x32-10 (Salmon et al., "Parallel random numbers: as
 * easy as 1, 2, 3", SC 2011). Nothing has a hidden state, so nobody's draw can shift anybody else's, and a resumed
 * run draws what an unbroken one would have drawn.
 */

/** What a stream of numbers belongs to: the run's seed first, then names and numbers that tell the purposes apart. */
export type KeyPart = number | string;

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;

/** High 32 bits of the product of two 32-bit numbers, as a signed one: what stays within 32 bits is fast. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle1 = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const middle2 = (Math.imul(aLow, bHigh) + (middle1 & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle1 >>> 16) + (middle2 >>> 16)) | 0;
}

/** Ten rounds of Philox on a counter of four words (c) under a key of two (k); writes four words to `out`. */
export function philox4x32(
  c0: number,
  c1: number,
  c2: number,
  c3: number,
  k0: number,
  k1: number,
  out: Uint32Array,
): void {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(multiplier0, c0);
    const low0 = Math.imul(multiplier0, c0);
    const high1 = multiplyHigh(multiplier1, c2);
    const low1 = Math.imul(multiplier1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + weyl0) | 0;
    k1 = (k1 + weyl1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** Folds a key of any parts into the four words that name its stream: FNV-1a over their text, twice, then Philox. */
function streamOf(parts: readonly KeyPart[]): [number, number, number, number] {
  const text = parts.map((part) => `${typeof part}:${part}`).join('\u0000');
  let a = 0x811c9dc5;
  let b = 0x01000193;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x01000193) >>> 0;
    b = Math.imul((b ^ unit) + i, 0x85ebca6b) >>> 0;
  }
  const words = new Uint32Array(4);
  philox4x32(a, b, text.length, 0, 0x756e6574, 0x666c6565, words);
  return [words[0]!, words[1]!, words[2]!, words[3]!];
}

/** The stream of 32-bit words that belongs to a key. */
export class RandomStream {
  /** Two words of key, two of the counter. */
  readonly #name: readonly [number, number, number, number];
  readonly #words = new Uint32Array(4);
  #block = 0;
  #used = 4;

  constructor(...key: readonly [KeyPart, ...KeyPart[]]) {
    this.#name = streamOf(key);
  }

  uint32(): number {
    if (this.#used === 4) {
      const [k0, k1, c2, c3] = this.#name;
      philox4x32(this.#block >>> 0, Math.floor(this.#block / 2 ** 32), c2, c3, k0, k1, this.#words);
      this.#block++;
      this.#used = 0;
    }
    return this.#words[this.#used++]!;
  }

  /** Uniform in [0, 1), a multiple of 2^-24: exact in float32. */
  uniform(): number {
    return (this.uint32() >>> 8) / 2 ** 24;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** From N(0, 1): Marsaglia's polar method, of which the second number is thrown away. */
  normal(): number {
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * naturalLogarithm(s)) / s);
    }
  }

  /** Uniform among 0..n-1 without bias (words beyond the last whole multiple of n are drawn again). n <= 2^32. */
  below(n: number): number {
    const end = 2 ** 32 - (2 ** 32 % n);
    for (;;) {
      const word = this.uint32();
      if (word < end) return word % n;
    }
  }
}

/**
 * Of a positive number, to 1e-16. Math.log may differ in the last bit from one version of the engine to the next; what is
 * used here (+, -, *, / and exact doublings) has one result by IEEE 754.
 */
export function naturalLogarithm(x: number): number {
  let mantissa = x;
  let exponent = 0;
  for (; mantissa > Math.SQRT2; exponent++) mantissa /= 2;
  for (; mantissa < Math.SQRT1_2; exponent--) mantissa *= 2;
  // ln m = 2 artanh z = 2 (z + z³/3 + z⁵/5 + ...), and |z| is below 0.172.
  const z = (mantissa - 1) / (mantissa + 1);
  let series = 0;
  for (let power = 21; power >= 1; power -= 2) series = series * z * z + 1 / power;
  return 2 * z * series + exponent * Math.LN2;
}

/** A permutation of 0..n-1 that belongs to the key (Fisher-Yates). */
export function permutation(n: number, ...key: readonly [KeyPart, ...KeyPart[]]): Uint32Array {
  const stream = new RandomStream('permutation', ...key);
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = stream.below(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}
