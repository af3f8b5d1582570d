/** What a worker offers before its result: used where it still stands, fetched anew where it does not, and never lost. */
import { type Bucket, configOptions, type TrainConfig, type TreeNode } from '@unet-fleet/law';
import { type FloatVector, NumericMemory } from '@unet-fleet/numerics';
import type { Clock } from '@unet-fleet/shared';
import { type BulkInbox, type BulkKey, type EarlyInbox, FetchError } from '@unet-fleet/wire';
import { expect, test } from 'vitest';
import { Reducer } from './reducer.ts';

const train = {
  ...Object.fromEntries(configOptions.map(({ key, default: value }) => [key, value])),
  optimizer: 'sgd',
  momentum: 0,
  weightDecay: 0,
  clip: 'none',
} as unknown as TrainConfig;
const buckets: Bucket[] = [
  { id: 0, offset: 0, length: 2 },
  { id: 1, offset: 2, length: 2 },
];
const left: TreeNode = { level: 0, index: 0 };
const right: TreeNode = { level: 0, index: 1 };

/** A worker's files. */
class Files implements BulkInbox, EarlyInbox {
  readonly early = this;
  readonly #offers = new Map<string, { value: number; mark: Uint8Array }>();
  #numOffers = 0;
  readonly fetched: string[] = [];

  offer(node: TreeNode, bucket: number, value: number): void {
    this.#offers.set(`${node.index}.${bucket}`, { value, mark: Uint8Array.of(++this.#numOffers) });
  }

  withdraw(): void {
    this.#offers.clear();
  }

  async fetch(_peer: string, { index }: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    this.fetched.push(`${index}.${bucket}`);
    if (!this.#take(index, bucket, into)) throw new FetchError('absent', 'it is not there');
  }

  takeIfThere(_peer: string, { index }: BulkKey, bucket: number, into: Uint8Array): Uint8Array | null {
    return this.#take(index, bucket, into);
  }

  stands(_peer: string, { index }: BulkKey, bucket: number, mark: Uint8Array): boolean {
    return this.#offers.get(`${index}.${bucket}`)?.mark === mark;
  }

  #take(index: number, bucket: number, into: Uint8Array): Uint8Array | null {
    const offer = this.#offers.get(`${index}.${bucket}`);
    if (!offer) return null;
    new Float32Array(into.buffer, into.byteOffset, into.byteLength / 4).fill(offer.value);
    return offer.mark;
  }

  async close(): Promise<void> {}
}

class ManualClock implements Clock {
  #waiting: (() => void)[] = [];
  now(): number {
    return 0;
  }
  after(_ms: number, work: () => void): () => void {
    this.#waiting.push(work);
    return () => {};
  }
  every(): () => void {
    throw new Error('nothing is repeated here');
  }
  async pass(): Promise<void> {
    for (const work of this.#waiting.splice(0)) work();
    await new Promise(setImmediate);
  }
}

class CountingMemory extends NumericMemory {
  readonly #places = new Set<number>();
  override allocate(length: number): FloatVector {
    const vector = super.allocate(length);
    this.#places.add(vector.offset);
    return vector;
  }
  get numVectors(): number {
    return this.#places.size;
  }
}

function newReducer() {
  const memory = new CountingMemory({ shared: true });
  const reducer = new Reducer(memory, {
    buckets,
    train,
    term: 1,
    statistics: null,
    hashSecret: new Uint8Array(32),
  });
  const zeros = { parameters: new Float32Array(4), statistics: new Float32Array(), slots: [] };
  reducer.load(0, zeros, []);
  return { reducer, memory, files: new Files(), clock: new ManualClock() };
}

/** Minus the sum of the step, which a step of plain SGD at rate 1 leaves in weights that were 0. */
function committed(reducer: Reducer, numLeaves: number, version = 1): number[] {
  const scalars = { scale: 1, normCoefficient: 1, learningRate: 1, updateIndex: version };
  reducer.apply({ numLeaves, skippedLeaves: [], scalars }, []);
  const state = { parameters: new Float32Array(4), statistics: new Float32Array(), slots: [] };
  reducer.save(state);
  return [...state.parameters].map((value) => -value);
}

test('what came early and stands is not fetched, and nothing of it counts before the result', async () => {
  const { reducer, files, clock } = newReducer();
  reducer.expect(files, 'w', 0, [left, right], clock);
  files.offer(left, 1, 5);
  await clock.pass();
  files.offer(left, 0, 4);
  await clock.pass();
  expect(() => reducer.sumsOfSquares(2)).toThrow('has no root yet');
  await reducer.collect(files, 'w', 0, left, 2);
  // The next node of the lease: a part of it is early.
  files.offer(right, 1, 7);
  await clock.pass();
  files.offer(right, 0, 6);
  await reducer.collect(files, 'w', 0, right, 2);
  expect(files.fetched).toEqual(['1.0']);
  expect(reducer.sumsOfSquares(2).map(({ blocks }) => [...blocks])).toEqual([[200], [288]]);
  expect(committed(reducer, 2)).toEqual([10, 10, 12, 12]);
});

test('what was offered anew since is fetched anew, and what was withdrawn can not be had', async () => {
  const { reducer, files, clock } = newReducer();
  reducer.expect(files, 'w', 0, [left], clock);
  for (const bucket of [1, 0]) {
    files.offer(left, bucket, 5);
    await clock.pass();
  }
  files.withdraw();
  await expect(reducer.collect(files, 'w', 0, left, 1)).rejects.toThrow(FetchError);
  // The leaf was not finite: it is empty.
  for (const bucket of [1, 0]) files.offer(left, bucket, 0);
  await reducer.collect(files, 'w', 0, left, 1);
  expect(committed(reducer, 1)).toEqual([-0, -0, -0, -0]);
});

test('vectors are used again, whatever becomes of what is expected', async () => {
  const { reducer, memory, files, clock } = newReducer();
  for (let version = 0; version < 20; version++) {
    for (const bucket of [1, 0]) files.offer(left, bucket, 1);
    for (const bucket of [1, 0]) files.offer(right, bucket, 1);
    reducer.expect(files, 'w', version, [left], clock);
    reducer.expect(files, 'w', version, [right, left], clock);
    reducer.expect(files, 'gone', version, [right], clock);
    await clock.pass();
    reducer.forgetPeer('gone');
    await clock.pass();
    for (const node of [left, right]) await reducer.collect(files, 'w', version, node, 2);
    committed(reducer, 2, version + 1);
    files.withdraw();
    await clock.pass();
  }
  // Weights, at most two nodes of two buckets each for two workers, their sums, and keys of hashes and what is folded.
  expect(memory.numVectors).toBeLessThanOrEqual(17);
});

test('norm and hashes are the same whether values came early or not, also where a step has more leaves than that before', async () => {
  const early = newReducer();
  const late = newReducer();
  for (const [version, numLeaves] of [1, 1, 2, 2, 1].entries()) {
    const nodes = [left, right].slice(0, numLeaves);
    // Of the step before.
    early.files.withdraw();
    for (const node of nodes) {
      early.reducer.expect(early.files, `w${node.index}`, version, [node], early.clock);
    }
    for (const bucket of [1, 0]) {
      for (const node of nodes) {
        early.files.offer(node, bucket, version + node.index + bucket + 0.1);
        late.files.offer(node, bucket, version + node.index + bucket + 0.1);
      }
      await early.clock.pass();
    }
    for (const node of nodes.toReversed()) {
      for (const { reducer, files } of [early, late]) {
        await reducer.collect(files, `w${node.index}`, version, node, numLeaves);
      }
    }
    expect(early.reducer.sumsOfSquares(numLeaves)).toEqual(late.reducer.sumsOfSquares(numLeaves));
    expect(committed(early.reducer, numLeaves, version + 1)).toEqual(
      committed(late.reducer, numLeaves, version + 1),
    );
    expect(early.reducer.hashesOfApplied()).toEqual(late.reducer.hashesOfApplied());
  }
  expect(early.files.fetched).toEqual([]);
});
