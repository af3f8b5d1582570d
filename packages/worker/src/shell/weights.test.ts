/** The weights of a worker: of one version, whatever has come early of another, and whatever fails on the way. */
import type { ValueFormat } from '@unet-fleet/law';
import type { Clock } from '@unet-fleet/shared';
import { type BulkInbox, type BulkKey, type EarlyInbox, FetchError } from '@unet-fleet/wire';
import { expect, test } from 'vitest';
import { Weights } from './weights.ts';

const model = { numParameters: 4, numStatistics: 1 };
const buckets = [
  { id: 0, offset: 0, length: 2 },
  { id: 1, offset: 2, length: 2 },
];

/** Reducers that offer buckets of versions, whose values say which one it is. */
class Reducers implements BulkInbox, EarlyInbox {
  readonly early = this;
  readonly there = new Set<string>();
  readonly fetched: string[] = [];

  offer(version: number, ...ids: number[]): void {
    for (const id of ids) this.there.add(`${version}.${id}`);
  }

  async fetch(_peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    this.fetched.push(`${key.version}.${bucket}`);
    if (!this.#fill(key, bucket, into)) throw new FetchError('absent', 'it is not there');
  }

  takeIfThere(_peer: string, key: BulkKey, bucket: number, into: Uint8Array): Uint8Array | null {
    return this.#fill(key, bucket, into) ? Uint8Array.of(key.version) : null;
  }

  stands(): boolean {
    return true;
  }

  #fill({ version, format }: BulkKey, bucket: number, into: Uint8Array): boolean {
    if (!this.there.has(`${version}.${bucket}`)) return false;
    const bits = new Uint32Array(Float32Array.of(10 * version + bucket).buffer)[0]!;
    const { buffer, byteOffset, byteLength } = into;
    if (format === 'float32') new Uint32Array(buffer, byteOffset, byteLength / 4).fill(bits);
    else new Uint16Array(buffer, byteOffset, byteLength / 2).fill(bits >>> 16);
    return true;
  }

  async close(): Promise<void> {}
}

/** Time passes when it is told to. */
class ManualClock implements Clock {
  #nowMs = 0;
  #waiting: (() => void)[] = [];
  now(): number {
    return this.#nowMs;
  }
  after(_ms: number, work: () => void): () => void {
    this.#waiting.push(work);
    return () => {};
  }
  every(): () => void {
    throw new Error('nothing is repeated here');
  }
  async pass(): Promise<void> {
    for (let round = 0; round < 5; round++) {
      this.#nowMs++;
      for (const work of this.#waiting.splice(0)) work();
      await new Promise(setImmediate);
    }
  }
}

function newWeights(format: ValueFormat = 'float32') {
  const reducers = new Reducers();
  const clock = new ManualClock();
  const weights = new Weights(model, reducers, 1, 1, format, { buckets, clock });
  return { reducers, clock, weights };
}

test('what has come early is not fetched again, and counts when all is there', async () => {
  const { reducers, clock, weights } = newWeights();
  reducers.offer(1, 0, 1, 2);
  expect(await weights.update(1)).toBe(true);
  weights.expect(2);
  await clock.pass();
  reducers.offer(2, 0);
  await clock.pass();
  // The engine computes with these meanwhile.
  expect([...weights.parameters, ...weights.statistics]).toEqual([10, 10, 11, 11, 12]);
  expect(await weights.update(1)).toBe(false);
  reducers.offer(2, 1, 2);
  reducers.fetched.length = 0;
  expect(await weights.update(2)).toBe(true);
  expect(reducers.fetched).toEqual(['2.1', '2.2']);
  expect([...weights.parameters, ...weights.statistics]).toEqual([20, 20, 21, 21, 22]);
});

test('what was expected and is not wanted after all leaves no trace', async () => {
  const { reducers, clock, weights } = newWeights();
  reducers.offer(1, 0, 1, 2);
  await weights.update(1);
  weights.expect(2);
  reducers.offer(2, 0);
  await clock.pass();
  reducers.offer(5, 0, 1, 2);
  expect(await weights.update(5)).toBe(true);
  reducers.offer(2, 1, 2);
  await clock.pass();
  expect([...weights.parameters, ...weights.statistics]).toEqual([50, 50, 51, 51, 52]);
});

test('a fetch that fails halfway leaves what is here as it is', async () => {
  const { reducers, weights } = newWeights();
  reducers.offer(1, 0, 1, 2);
  await weights.update(1);
  reducers.offer(2, 0, 2);
  await expect(weights.update(2)).rejects.toThrow(FetchError);
  expect([...weights.parameters, ...weights.statistics]).toEqual([10, 10, 11, 11, 12]);
  expect(await weights.update(1)).toBe(false);
});

test('weights in half the bytes are values when all is there, come early or not', async () => {
  const { reducers, clock, weights } = newWeights('bf16');
  reducers.offer(1, 0, 1, 2);
  await weights.update(1);
  expect([...weights.parameters, ...weights.statistics]).toEqual([10, 10, 11, 11, 12]);
  weights.expect(2);
  reducers.offer(2, 0);
  await clock.pass();
  reducers.offer(2, 1, 2);
  await weights.update(2);
  expect([...weights.parameters, ...weights.statistics]).toEqual([20, 20, 21, 21, 22]);
});
