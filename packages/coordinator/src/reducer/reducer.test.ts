/** The tree in a reducer: one sum, bit for bit, whatever arrives when, twice, late, or in part. */

import {
  type Bucket,
  configOptions,
  coverOf,
  leavesOf,
  nodeKey,
  type TrainConfig,
  type TreeNode,
} from '@unet-fleet/law';
import { NumericMemory } from '@unet-fleet/numerics';
import { type BulkInbox, type BulkKey, type BulkOutbox, FetchError } from '@unet-fleet/wire';
import { expect, test } from 'vitest';
import type { ModelState, StepUpdate } from './bucket-owner.ts';
import { combineDigests, digestOf, StepDigests, stepKeyOf } from './hashing.ts';
import { combineHashes } from './pool.ts';
import { Reducer } from './reducer.ts';
import { StatisticsBucket } from './statistics.ts';

const train = {
  ...(Object.fromEntries(
    configOptions.filter(({ group }) => group === 'train').map(({ key, default: value }) => [key, value]),
  ) as unknown as TrainConfig),
  optimizer: 'sgd',
  momentum: 0,
  weightDecay: 0,
  clip: 'none',
} as TrainConfig;
const numLeaves = 7;
const hashSecret = Uint8Array.of(1, 2, 3);
const buckets: Bucket[] = [
  { id: 0, offset: 0, length: 5 },
  { id: 1, offset: 5, length: 3 },
];
const numParameters = 8;

/** Values whose float32 sum depends on the order of adding. */
const leafGradient = (leaf: number, step = 0): Float32Array =>
  Float32Array.from(
    { length: numParameters },
    (_, i) => Math.sin(leaf * 12.9898 + i * 78.233 + step) * 10 ** (leaf % 4),
  );

/** left + right in float32, over the tree of the law. */
function nodeGradient(node: TreeNode, step = 0): Float32Array {
  const leaves = leavesOf(node, numLeaves);
  if (node.level === 0) return leafGradient(leaves[0]!, step);
  const left = nodeGradient({ level: node.level - 1, index: node.index * 2 }, step);
  const rightNode = { level: node.level - 1, index: node.index * 2 + 1 };
  if (leavesOf(rightNode, numLeaves).length === 0) return left;
  const right = nodeGradient(rightNode, step);
  return left.map((value, i) => Math.fround(value + right[i]!));
}

const root: TreeNode = { level: 3, index: 0 };
const leafNode = (index: number): TreeNode => ({ level: 0, index });

/** Delivers what it is asked for as soon as it is told to; `lost` buckets never come. */
class ManualInbox implements BulkInbox {
  readonly #waiting: { text: string; deliver(): void }[] = [];
  readonly lost = new Set<string>();

  fetch(peer: string, key: BulkKey, bucket: number, into: Uint8Array): Promise<void> {
    const text = `${peer} ${nodeKey(key)} ${bucket}`;
    if (this.lost.has(text)) return Promise.reject(new FetchError('timeout', `${text} is lost`));
    return new Promise((resolve) => {
      this.#waiting.push({
        text,
        deliver: () => {
          const { offset, length } = buckets[bucket]!;
          const values = nodeGradient(key, key.version).subarray(offset, offset + length);
          into.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
          resolve();
        },
      });
    });
  }

  deliver(isWanted: (text: string) => boolean = () => true): void {
    const wanted = this.#waiting.filter(({ text }) => isWanted(text));
    this.#waiting.splice(0, this.#waiting.length, ...this.#waiting.filter(({ text }) => !isWanted(text)));
    for (const { deliver } of wanted) deliver();
  }

  async close(): Promise<void> {}
}

const zeros = (): ModelState => ({
  parameters: new Float32Array(numParameters),
  statistics: new Float32Array(1),
  slots: [],
});

const newReducer = (): { reducer: Reducer; inbox: ManualInbox } => {
  const options = { buckets, train, term: 1, statistics: null, hashSecret };
  const reducer = new Reducer(new NumericMemory({ shared: true }), options);
  reducer.load(0, zeros(), []);
  return { reducer, inbox: new ManualInbox() };
};

const updateOf = (updateIndex: number, leaves = numLeaves, skippedLeaves: number[] = []): StepUpdate => ({
  numLeaves: leaves,
  skippedLeaves,
  scalars: { scale: 1, normCoefficient: 1, learningRate: 1, updateIndex },
});

/** The bits of -root, which is what one step of plain SGD at rate 1 makes of weights that are 0. */
function commit(reducer: Reducer, updateIndex = 1): Uint32Array {
  reducer.apply(updateOf(updateIndex), []);
  const state = zeros();
  reducer.save(state);
  const { parameters } = state;
  return new Uint32Array(parameters.map((value) => -value).buffer);
}

const expected = new Uint32Array(nodeGradient(root).buffer);

test('the values of this test tell the order in which they are added', () => {
  const inTurn = new Float32Array(numParameters);
  for (let leaf = 0; leaf < numLeaves; leaf++) {
    leafGradient(leaf).forEach((value, i) => {
      inTurn[i] = Math.fround(inTurn[i]! + value);
    });
  }
  expect(new Uint32Array(inTurn.buffer)).not.toEqual(expected);
});

test('any order of arrival gives the sum over the tree', async () => {
  const rotations = Array.from({ length: numLeaves }, (_, shift) =>
    Array.from({ length: numLeaves }, (_, i) => (i * 3 + shift) % numLeaves),
  );
  for (const order of rotations) {
    const { reducer, inbox } = newReducer();
    for (const leaf of order) {
      const collected = reducer.collect(inbox, 'w', 0, leafNode(leaf), numLeaves);
      inbox.deliver();
      await collected;
    }
    expect(commit(reducer)).toEqual(expected);
  }
});

test('any cut into the nodes of several workers gives the sum over the tree', async () => {
  for (let cut = 1; cut < numLeaves; cut++) {
    const { reducer, inbox } = newReducer();
    const nodes = [...coverOf(cut, numLeaves, numLeaves), ...coverOf(0, cut, numLeaves)];
    const collected = nodes.map((node) => reducer.collect(inbox, 'w', 0, node, numLeaves));
    inbox.deliver();
    await Promise.all(collected);
    expect(commit(reducer)).toEqual(expected);
  }
});

test('a late twin of a node changes nothing, in its own step or after it', async () => {
  const { reducer, inbox } = newReducer();
  const twins = [1, 2].map((index) => reducer.collect(inbox, 'slow', 0, leafNode(index), numLeaves));
  const whole = reducer.collect(inbox, 'quick', 0, root, numLeaves);
  inbox.deliver((text) => text.startsWith('quick'));
  await whole;
  inbox.deliver((text) => text.startsWith('slow 0:1'));
  await twins[0];
  expect(commit(reducer)).toEqual(expected);
  reducer.load(1, zeros(), []);
  // The step of the second twin has been applied: it may not take the place of this step's leaf.
  inbox.deliver();
  await twins[1];
  for (let leaf = 0; leaf < numLeaves; leaf++) {
    const collected = reducer.collect(inbox, 'quick', 1, leafNode(leaf), numLeaves);
    inbox.deliver();
    await collected;
  }
  expect(commit(reducer, 2)).toEqual(new Uint32Array(nodeGradient(root, 1).buffer));
});

test('an answer that came in part is made whole by one that holds more', async () => {
  const { reducer, inbox } = newReducer();
  inbox.lost.add('lossy 0:0 1');
  const failed = reducer.collect(inbox, 'lossy', 0, leafNode(0), numLeaves);
  inbox.deliver();
  await expect(failed).rejects.toThrow(FetchError);
  const whole = reducer.collect(inbox, 'other', 0, root, numLeaves);
  inbox.deliver();
  await whole;
  expect(commit(reducer)).toEqual(expected);
});

/** Of values that are cut as the buckets of this test. */
function sha256Of(values: Float32Array, what: 'ofRoot' | 'ofDelivery', step = 0): string {
  const memory = new NumericMemory();
  const digests = new StepDigests(memory);
  digests.key = stepKeyOf(hashSecret, step);
  const parts = buckets.map(({ offset, length }) => memory.from(values.subarray(offset, offset + length)));
  return combineDigests(parts.map((part) => digests[what](part)));
}

test('hashes tell what was delivered and the root', async () => {
  const { reducer, inbox } = newReducer();
  const nodes = [...coverOf(3, numLeaves, numLeaves), ...coverOf(0, 3, numLeaves)];
  for (const node of nodes) {
    const collected = reducer.collect(inbox, `w${node.index}`, 0, node, numLeaves);
    inbox.deliver();
    await collected;
  }
  expect(commit(reducer)).toEqual(expected);
  // What comes for the next step is none of this one's.
  const next = reducer.collect(inbox, 'w', 1, leafNode(0), numLeaves);
  inbox.deliver();
  await next;
  const hashes = combineHashes(reducer.hashesOfApplied());
  expect(hashes.gradientSha256).toBe(sha256Of(nodeGradient(root), 'ofRoot'));
  expect(hashes.nodes).toEqual(
    nodes.map((node) => ({
      node,
      sha256: sha256Of(nodeGradient(node), 'ofDelivery'),
      numBytes: numParameters * 4,
      peers: [`w${node.index}`],
    })),
  );
});

test('the root has one hash in every run, and a delivery another in every step and start', async () => {
  const collect = async (secret: Uint8Array, step: number) => {
    const options = { buckets, train, term: 1, statistics: null, hashSecret: secret };
    const reducer = new Reducer(new NumericMemory(), options);
    reducer.load(step, zeros(), []);
    const inbox: BulkInbox = {
      async fetch(_peer, _key, bucket, into) {
        into.set(new Uint8Array(new Float32Array(buckets[bucket]!.length).fill(0.5).buffer));
      },
      async close() {},
    };
    await reducer.collect(inbox, 'w', step, leafNode(0), 1);
    reducer.apply(updateOf(step + 1, 1), []);
    const { gradientSha256, nodes } = combineHashes(reducer.hashesOfApplied());
    return [gradientSha256, nodes[0]!.sha256] as const;
  };
  const of = await Promise.all([
    collect(Uint8Array.of(1), 0),
    collect(Uint8Array.of(1), 1),
    collect(Uint8Array.of(2), 0),
  ]);
  expect(new Set(of.map(([ofRoot]) => ofRoot)).size).toBe(1);
  expect(new Set(of.map(([, ofDelivery]) => ofDelivery)).size).toBe(3);
});

test('vectors that differ in a bit, in their order or in zeros at their end have other hashes', () => {
  const memory = new NumericMemory();
  const digests = new StepDigests(memory);
  digests.key = stepKeyOf(hashSecret, 0);
  const values = Float32Array.from({ length: 3_001 }, (_, i) => Math.sin(i));
  const flipped = (bit: number) => {
    const bytes = new Uint8Array(values.slice().buffer);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return new Float32Array(bytes.buffer);
  };
  const others = [
    ...[0, 31, 32 * 1_024, 32 * 3_000 + 5, 32 * 3_001 - 1].map(flipped),
    Float32Array.from([
      ...values.subarray(1_024, 2_048),
      ...values.subarray(0, 1_024),
      ...values.subarray(2_048),
    ]),
    Float32Array.from([...values, 0]),
    values.subarray(0, 3_000),
  ];
  const hashes = [values, ...others].map((of) => combineDigests([digests.ofDelivery(memory.from(of))]));
  expect(new Set(hashes).size).toBe(hashes.length);
});

test('each step has its own hashes', async () => {
  const { reducer, inbox } = newReducer();
  const hashesOf = [];
  for (const step of [0, 1]) {
    for (let leaf = 0; leaf < numLeaves; leaf++) {
      const collected = reducer.collect(inbox, 'w', step, leafNode(leaf), numLeaves);
      inbox.deliver();
      await collected;
    }
    commit(reducer, step + 1);
    hashesOf.push(combineHashes(reducer.hashesOfApplied()));
  }
  const roots = hashesOf.map(({ gradientSha256 }) => gradientSha256);
  expect(roots).toEqual([0, 1].map((step) => sha256Of(nodeGradient(root, step), 'ofRoot')));
});

test('hashes name everybody whose values were used', async () => {
  const { reducer, inbox } = newReducer();
  inbox.lost.add('lossy 3:0 1');
  const failed = reducer.collect(inbox, 'lossy', 0, root, numLeaves);
  inbox.deliver();
  await expect(failed).rejects.toThrow(FetchError);
  const left = reducer.collect(inbox, 'late', 0, { level: 2, index: 0 }, numLeaves);
  const whole = reducer.collect(inbox, 'other', 0, root, numLeaves);
  inbox.deliver((text) => text.startsWith('other'));
  await whole;
  inbox.deliver();
  await left;
  commit(reducer);
  expect(combineHashes(reducer.hashesOfApplied()).nodes).toEqual([
    {
      node: root,
      sha256: sha256Of(nodeGradient(root), 'ofDelivery'),
      numBytes: numParameters * 4,
      peers: ['lossy', 'other'],
    },
  ]);
});

test('a node some of whose values came as parts of others has no hash', async () => {
  const { reducer, inbox } = newReducer();
  inbox.lost.add('lossy 3:0 1');
  const failed = reducer.collect(inbox, 'lossy', 0, root, numLeaves);
  inbox.deliver();
  await expect(failed).rejects.toThrow(FetchError);
  for (const node of [
    { level: 2, index: 0 },
    { level: 2, index: 1 },
  ]) {
    const collected = reducer.collect(inbox, 'other', 0, node, numLeaves);
    inbox.deliver();
    await collected;
  }
  commit(reducer);
  const { gradientSha256, nodes } = combineHashes(reducer.hashesOfApplied());
  expect(gradientSha256).toBe(sha256Of(nodeGradient(root), 'ofRoot'));
  expect(nodes.map(({ node, sha256, peers }) => [nodeKey(node), sha256, peers])).toEqual([
    ['3:0', null, ['lossy']],
    ['2:0', null, ['other']],
    ['2:1', null, ['other']],
  ]);
});

test('hashes do not depend on how the buckets are dealt to reducers', () => {
  const hashes = [3, 0, 2, 1].map((bucket) => ({
    bucket,
    root: bucket === 3 ? null : digestOf(Float32Array.of(bucket)),
    deliveries: [{ node: root, peer: 'w', numBytes: 4, digest: digestOf(Float32Array.of(bucket + 10)) }],
  }));
  const expectedHashes = {
    gradientSha256: combineDigests([0, 1, 2].map((bucket) => digestOf(Float32Array.of(bucket)))),
    nodes: [
      {
        node: root,
        sha256: combineDigests([10, 11, 12, 13].map((value) => digestOf(Float32Array.of(value)))),
        numBytes: 16,
        peers: ['w'],
      },
    ],
  };
  expect(combineHashes(hashes)).toEqual(expectedHashes);
  expect(combineHashes(hashes.toReversed())).toEqual(expectedHashes);
});

test('running statistics are folded in leaf order, and a late twin of an earlier step is not', async () => {
  const statisticsOf = (step: number, leaf: number) => (step + 1) * 100 + leaf;
  const run = async (order: number[], lateTwin: boolean) => {
    const bucket = new StatisticsBucket(9, 1, 1);
    bucket.load(0, zeros(), []);
    let late = () => {};
    const inbox: BulkInbox = {
      fetch(peer, key, _, into) {
        const value = Float32Array.of(statisticsOf(key.version, key.index));
        return new Promise((resolve) => {
          const deliver = () => {
            into.set(new Uint8Array(value.buffer));
            resolve();
          };
          if (peer === 'late') late = deliver;
          else deliver();
        });
      },
      async close() {},
    };
    const twin = lateTwin ? bucket.collect(inbox, 'late', 0, leafNode(0), numLeaves) : null;
    for (const step of [0, 1]) {
      for (const leaf of order) await bucket.collect(inbox, 'w', step, leafNode(leaf), numLeaves);
      if (step === 1) late();
      await (step === 1 && twin);
      bucket.apply(updateOf(step + 1), []);
    }
    const state = zeros();
    bucket.save(state);
    return state.statistics[0];
  };
  const inOrder = await run([0, 1, 2, 3, 4, 5, 6], false);
  expect(await run([6, 2, 4, 0, 1, 5, 3], false)).toBe(inOrder);
  expect(await run([0, 1, 2, 3, 4, 5, 6], true)).toBe(inOrder);
});

test('the statistics of a skipped leaf are left out', async () => {
  const values = [4, 0, 8];
  const fetchOf: BulkInbox['fetch'] = async (_peer, key, _bucket, into) => {
    into.set(new Uint8Array(Float32Array.of(values[key.index]!).buffer));
  };
  const after = async (leaves: number[], skipped: number[]) => {
    const bucket = new StatisticsBucket(9, 1, 1);
    bucket.load(0, { ...zeros(), statistics: Float32Array.of(1) }, []);
    const inbox: BulkInbox = {
      fetch: (peer, key, bucket, into) => fetchOf(peer, { ...key, index: leaves[key.index]! }, bucket, into),
      async close() {},
    };
    for (let leaf = 0; leaf < leaves.length; leaf++) {
      await bucket.collect(inbox, 'w', 0, leafNode(leaf), leaves.length);
    }
    bucket.apply(updateOf(1, leaves.length, skipped), []);
    const state = zeros();
    bucket.save(state);
    return state.statistics[0];
  };
  expect(await after([0, 1, 2], [1])).toBe(await after([0, 2], []));
  expect(await after([0, 1, 2], [])).not.toBe(await after([0, 2], []));
});

test('no version can be fetched while it is written over, and the next one is offered whole', async () => {
  const options = { buckets, train, term: 1, statistics: { bucketId: 9, numStatistics: 1 }, hashSecret };
  const reducer = new Reducer(new NumericMemory({ shared: true }), options);
  const said: string[] = [];
  const outbox: BulkOutbox = {
    offer: ({ kind, version }, bucket) => said.push(`${kind} ${version}: bucket ${bucket}`),
    withdraw: () => said.push('all withdrawn'),
    async close() {},
  };
  reducer.load(0, zeros(), [outbox]);
  expect(said.splice(0)).toEqual(['weights 0: bucket 0', 'weights 0: bucket 1', 'weights 0: bucket 9']);
  const inbox: BulkInbox = { fetch: async () => {}, async close() {} };
  await reducer.collect(inbox, 'w', 0, { level: 0, index: 0 }, 1);
  reducer.apply(updateOf(1, 1), [outbox]);
  expect(said).toEqual([
    'all withdrawn',
    'weights 1: bucket 0',
    'weights 1: bucket 1',
    'weights 1: bucket 9',
  ]);
});
