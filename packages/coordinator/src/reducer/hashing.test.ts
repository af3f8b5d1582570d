/** What a step's hashes tell: who delivered what, and the root. */
import { coverOf, nodeKey } from '@unet-fleet/law';
import { NumericMemory } from '@unet-fleet/numerics';
import { type BulkInbox, FetchError } from '@unet-fleet/wire';
import { expect, test } from 'vitest';
import { combineDigests, digestOf, StepDigests, stepKeyOf } from './hashing.ts';
import { combineHashes } from './pool.ts';
import { Reducer } from './reducer.ts';
import {
  buckets,
  commit,
  expected,
  hashSecret,
  leafNode,
  newReducer,
  nodeGradient,
  numLeaves,
  numParameters,
  root,
  train,
  updateOf,
  zeros,
} from './seven-leaves.test-helper.ts';

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
