/** The tree in a reducer: one sum, bit for bit, whatever arrives when, twice, late, or in part. */

import { coverOf } from '@unet-fleet/law';
import { NumericMemory } from '@unet-fleet/numerics';
import { type BulkInbox, type BulkOutbox, FetchError } from '@unet-fleet/wire';
import { expect, test } from 'vitest';
import { Reducer } from './reducer.ts';
import {
  buckets,
  commit,
  expected,
  hashSecret,
  leafGradient,
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
import { StatisticsBucket } from './statistics.ts';

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
