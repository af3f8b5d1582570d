/** Sums on a worker: over the tree, without what is not finite, and without losing a vector when they are broken off. */

import { type ModelDescription, rootOf } from '@unet-fleet/law';
import { type FloatVector, NumericMemory } from '@unet-fleet/numerics';
import { type BulkKey, type BulkOutbox, bulkKeyText } from '@unet-fleet/wire';
import { describe, expect, test } from 'vitest';
import { plainlyRounded } from '../../../../test/helpers/plain-formats.ts';
import type { EarlyPort } from './early-offer.ts';
import { plainLeafSums } from './leaf-sums.ts';
import { type ComputeLeaf, Interrupted, NodeComputer, statisticsOf } from './nodes.ts';

const model = { numParameters: 3, numStatistics: 2 } as ModelDescription;
const root = { level: 3, index: 0 };
const numLeaves = 7;

/** Of each leaf; 2e8 and -2e8 make the order of adding show. */
const gradientOf = (leaf: number): number[] => [leaf, leaf % 2 ? 2e8 : 3, leaf % 3 ? -2e8 : 1];

const compute: ComputeLeaf = async (leaf, gradients, statistics) => {
  gradients.set(gradientOf(leaf));
  statistics.set([leaf, leaf + 100]);
  return { lossSum: leaf + 0.5, weightSum: 10 };
};

/** Fails, or is told to stop, at a leaf. */
const stoppingAt =
  (wanted: number, error: Error): ComputeLeaf =>
  async (leaf, gradients, statistics) => {
    if (leaf === wanted) throw error;
    return compute(leaf, gradients, statistics);
  };

/** Counts what is allocated for gradients. */
class CountingMemory extends NumericMemory {
  numVectors = 0;

  override allocate(length: number): FloatVector {
    if (length === model.numParameters) this.numVectors++;
    return super.allocate(length);
  }
}

const f = Math.fround;
const plus = (a: number[], b: number[]): number[] => a.map((value, i) => f(value + b[i]!));

test('a node is the sum of its leaves over the tree, with the sums and the norm of each leaf', async () => {
  const [g0, g1, g2, g3, g4, g5, g6] = Array.from({ length: numLeaves }, (_, leaf) => gradientOf(leaf));
  const { gradients, leaves } = await new NodeComputer(model).sum(root, numLeaves, compute);
  const expected = plus(plus(plus(g0!, g1!), plus(g2!, g3!)), plus(plus(g4!, g5!), g6!));
  expect([...gradients.view]).toEqual(expected);
  expect(leaves.map(({ sums }) => sums)).toEqual(
    Array.from({ length: numLeaves }, (_, leaf) => ({
      lossSum: leaf + 0.5,
      weightSum: 10,
      gradientNorm: expect.closeTo(Math.hypot(...gradientOf(leaf)), 5),
      isFinite: true,
    })),
  );
});

describe('a leaf with a number that is not finite', () => {
  const broken: [string, ComputeLeaf][] = [
    [
      'in its gradient',
      async (leaf, gradients, statistics) => {
        const loss = await compute(leaf, gradients, statistics);
        gradients[2] = Number.POSITIVE_INFINITY;
        return loss;
      },
    ],
    ['in its loss', async (...leaf) => ({ ...(await compute(...leaf)), lossSum: Number.NaN })],
    [
      'in its statistics',
      async (leaf, gradients, statistics) => {
        const loss = await compute(leaf, gradients, statistics);
        statistics[1] = Number.NaN;
        return loss;
      },
    ],
  ];
  test.each(broken)('%s is empty, and its neighbours are whole', async (_, computeBroken) => {
    const computer = new NodeComputer(model);
    const sum = await computer.sum({ level: 1, index: 0 }, numLeaves, (leaf, ...into) =>
      leaf === 0 ? computeBroken(leaf, ...into) : compute(leaf, ...into),
    );
    expect([...sum.gradients.view]).toEqual(gradientOf(1));
    expect([...statisticsOf(sum)]).toEqual([0, 0, 1, 101]);
    expect(sum.leaves.map(({ sums }) => sums)).toMatchObject([
      { lossSum: 0, weightSum: 0, gradientNorm: 0, isFinite: false },
      { lossSum: 1.5, weightSum: 10, isFinite: true },
    ]);
  });

  test('is computed again in float32 where the run says so, and is told of', async () => {
    const asked: [number, string | undefined][] = [];
    const inHalf =
      (helps: boolean): ComputeLeaf =>
      async (leaf, gradients, statistics, precision) => {
        asked.push([leaf, precision]);
        const loss = await compute(leaf, gradients, statistics);
        if (leaf === 0 && !(helps && precision === 'float32')) gradients[1] = Number.NaN;
        return loss;
      };
    const node = { level: 1, index: 0 };
    const computer = new NodeComputer(model, { retriesInFloat32: true });
    const sum = await computer.sum(node, numLeaves, inHalf(true));
    const whole = await new NodeComputer(model).sum(node, numLeaves, compute);
    expect([...sum.gradients.view]).toEqual([...whole.gradients.view]);
    expect(asked).toEqual([
      [0, undefined],
      [0, 'float32'],
      [1, undefined],
    ]);
    const [again, once] = sum.leaves.map(({ sums }) => sums);
    expect(again).toEqual({ ...whole.leaves[0]!.sums, isRetried: true });
    expect(once).toEqual(whole.leaves[1]!.sums);
    const stillBroken = await computer.sum(node, numLeaves, inHalf(false));
    expect(stillBroken.leaves[0]!.sums).toMatchObject({ isFinite: false, isRetried: true });
    expect([...stillBroken.gradients.view]).toEqual(gradientOf(1));
  });

  test('is told of a validation too', () => {
    expect(plainLeafSums({ lossSum: Number.NaN, weightSum: 4 })).toEqual({
      lossSum: 0,
      weightSum: 0,
      gradientNorm: 0,
      isFinite: false,
    });
    expect(plainLeafSums({ lossSum: 2, weightSum: 4 })).toMatchObject({ lossSum: 2, isFinite: true });
  });
});

describe('a node whose buckets go out early', () => {
  const early = { ...model, parameters: [0, 1, 2].map((offset) => ({ offset, size: 1 })) };
  const buckets = [
    { id: 0, offset: 0, length: 2 },
    { id: 1, offset: 2, length: 1 },
  ];
  /** In backward order; `after` is called when a parameter has been told of. */
  const completing =
    (inner: ComputeLeaf, after: (leaf: number, index: number) => void = () => {}): ComputeLeaf =>
    async (leaf, gradients, statistics, _precision, onTensor) => {
      const loss = await inner(leaf, gradients, statistics);
      for (const index of [2, 1, 0]) {
        onTensor?.(index);
        after(leaf, index);
      }
      return loss;
    };
  const newComputer = () => new NodeComputer(early, { buckets });
  /** What is offered at the moment. */
  class Port {
    readonly offers = new Map<number, number[]>();
    offer(bucket: number, { view }: FloatVector): void {
      this.offers.set(bucket, [...view]);
    }
    withdraw(): void {
      this.offers.clear();
    }
  }

  test.each([1, 2, 3, 5, 7])('has the bits of the sum of all %i leaves', async (num) => {
    const node = rootOf(num);
    const plain = await newComputer().sum(node, num, compute);
    const port = new Port();
    const offersAt: string[] = [];
    const told = (leaf: number, index: number) =>
      offersAt.push(`${leaf}.${index}: ${[...port.offers.keys()]}`);
    const sum = await newComputer().sumOffering(node, num, completing(compute, told), port);
    expect([...sum.gradients.view]).toEqual([...plain.gradients.view]);
    expect([...(port.offers.get(0) ?? []), ...(port.offers.get(1) ?? [])]).toEqual([...plain.gradients.view]);
    expect(sum.leaves).toEqual(plain.leaves);
    // Of the last leaf alone, each as soon as all of its parameters are complete.
    const last = num - 1;
    expect(offersAt.filter((text) => !text.endsWith(': '))).toEqual([
      `${last}.2: 1`,
      `${last}.1: 1`,
      `${last}.0: 1,0`,
    ]);
  });

  test.each(['bf16', 'int8'] as const)('is rounded and packed as a whole one is, in %s', async (format) => {
    const thirds: ComputeLeaf = async (leaf, gradients, ...rest) => {
      const loss = await compute(leaf, gradients, ...rest);
      gradients.forEach((value, i) => {
        gradients[i] = value + 1 / 3;
      });
      return loss;
    };
    const offered = async (isEarly: boolean) => {
      const bytes = new Map<string, number[]>();
      const outbox: BulkOutbox = {
        offer: (key, bucket, values) => void bytes.set(`${bulkKeyText(key)} ${bucket}`, [...values]),
        withdraw() {},
        async close() {},
      };
      const computer = new NodeComputer(early, { buckets, format });
      const node = rootOf(3);
      const sum = isEarly
        ? await computer.sumOffering(node, 3, completing(thirds), computer.earlyPort(1, 8, node, outbox))
        : await computer.sum(node, 3, thirds);
      expect(bytes.size).toBe(isEarly ? 2 : 0);
      computer.offer(1, 8, sum, outbox);
      return { bytes, leaves: sum.leaves };
    };
    expect(await offered(true)).toEqual(await offered(false));
  });

  test('goes out anew when its last leaf is computed again in float32', async () => {
    const port = new Port();
    const offersOf: number[][] = [];
    const notFiniteFirst: ComputeLeaf = async (leaf, gradients, statistics, precision, onTensor) => {
      const loss = await compute(leaf, gradients, statistics);
      if (leaf === 3 && !precision) gradients[0] = Number.NaN;
      if (leaf === 3) offersOf.push([...port.offers.keys()]);
      for (const index of [2, 1, 0]) onTensor?.(index);
      if (leaf === 3 && !precision) expect(port.offers.size).toBe(0);
      return loss;
    };
    const computer = new NodeComputer(early, { buckets, retriesInFloat32: true });
    const sum = await computer.sumOffering(rootOf(4), 4, notFiniteFirst, port);
    const plain = await newComputer().sum(rootOf(4), 4, compute);
    expect(offersOf).toEqual([[], []]);
    expect([...port.offers.get(0)!, ...port.offers.get(1)!]).toEqual([...plain.gradients.view]);
    expect([sum.isOffered, sum.leaves[3]!.sums.isRetried]).toEqual([true, true]);
  });

  test('takes back what has gone out of a leaf that turns out not finite', async () => {
    const notFinite: ComputeLeaf = async (leaf, gradients, ...rest) => {
      const loss = await compute(leaf, gradients, ...rest);
      if (leaf === 3) gradients[0] = Number.NaN;
      return loss;
    };
    const node = rootOf(4);
    const plain = await newComputer().sum(node, 4, notFinite);
    const port = new Port();
    let mostOffers = 0;
    const sum = await newComputer().sumOffering(
      node,
      4,
      completing(notFinite, () => {
        mostOffers = Math.max(mostOffers, port.offers.size);
      }),
      port,
    );
    expect([mostOffers, port.offers.size, sum.isOffered]).toEqual([1, 0, false]);
    expect([...sum.gradients.view]).toEqual([...plain.gradients.view]);
    expect(sum.leaves).toEqual(plain.leaves);
  });

  test('tells why a bucket cannot go out when its leaf is there, not the engine that goes on', async () => {
    const why = new Error('the folder is gone');
    let numOffers = 0;
    let numWithdrawn = 0;
    const port: EarlyPort = {
      offer() {
        numOffers++;
        throw why;
      },
      withdraw: () => void numWithdrawn++,
    };
    const told: number[] = [];
    const computing = newComputer().sumOffering(
      rootOf(1),
      1,
      completing(compute, (_, index) => told.push(index)),
      port,
    );
    await expect(computing).rejects.toMatchObject({ cause: why, finished: [] });
    expect({ told, numOffers, numWithdrawn }).toEqual({ told: [2, 1, 0], numOffers: 1, numWithdrawn: 1 });
  });

  test('takes back what has gone out of a leaf that is broken off, and keeps the others whole', async () => {
    const why = new Error('asked to leave');
    const port = new Port();
    let complete: ((index: number) => void) | null = null;
    const breaking: ComputeLeaf = async (leaf, gradients, statistics, _precision, onTensor) => {
      const loss = await compute(leaf, gradients, statistics);
      if (leaf < 3) return loss;
      complete = onTensor ?? null;
      onTensor?.(2);
      expect(port.offers.size).toBe(1);
      throw why;
    };
    const computer = newComputer();
    const error: unknown = await computer.sumOffering(rootOf(4), 4, breaking, port).catch((caught) => caught);
    const { finished } = error as Interrupted;
    const plain = await newComputer().sum({ level: 1, index: 0 }, 4, compute);
    expect(finished.map(({ node }) => node)).toEqual([
      { level: 1, index: 0 },
      { level: 0, index: 2 },
    ]);
    expect([...finished[0]!.gradients.view]).toEqual([...plain.gradients.view]);
    // The engine still goes on with the leaf.
    complete!(1);
    complete!(0);
    expect(port.offers.size).toBe(0);
  });
});

test('a computation that is broken off says why, and which parts of the node are whole', async () => {
  const why = new Error('asked to leave');
  const computer = new NodeComputer(model);
  const error: unknown = await computer.sum(root, numLeaves, stoppingAt(6, why)).catch((caught) => caught);
  expect(error).toBeInstanceOf(Interrupted);
  const { cause, finished } = error as Interrupted;
  expect(cause).toBe(why);
  expect(finished.map(({ node }) => node)).toEqual([
    { level: 2, index: 0 },
    { level: 1, index: 2 },
  ]);
  const whole = await computer.sum({ level: 2, index: 0 }, numLeaves, compute);
  expect([...finished[0]!.gradients.view]).toEqual([...whole.gradients.view]);
  expect(finished[1]!.leaves.map(({ sums }) => sums.lossSum)).toEqual([4.5, 5.5]);
});

test('vectors are used again: after broken-off, released and offered sums', async () => {
  const memory = new CountingMemory({ shared: true });
  const computer = new NodeComputer(model, { memory });
  const outbox: BulkOutbox = { offer() {}, withdraw() {}, async close() {} };
  for (let version = 0; version < 20; version++) {
    computer.forgetBefore(version, outbox);
    await computer
      .sum(root, numLeaves, stoppingAt(version % numLeaves, new Error()))
      .catch(({ finished }) => {
        for (const sum of finished) computer.release(sum);
      });
    computer.offer(1, version, await computer.sum(root, numLeaves, compute), outbox);
  }
  // One on each level of the tree, and one more for the leaf under way.
  expect(memory.numVectors).toBeLessThanOrEqual(4);
});

test('with a format that loses bits every node is rounded, and what is offered is packed', async () => {
  const memory = new NumericMemory({ shared: true });
  const rounded = (values: number[]): number[] => plainlyRounded(values, 'bf16');
  const [g0, g1, g2] = [0, 1, 2].map((leaf) => rounded(gradientOf(leaf).map((value) => value + 1 / 3)));
  const expected = rounded(plus(rounded(plus(g0!, g1!)), g2!));
  const computer = new NodeComputer(model, { memory, format: 'bf16' });
  const sum = await computer.sum({ level: 2, index: 0 }, 3, async (leaf, gradients, statistics) => {
    gradients.set(gradientOf(leaf).map((value) => value + 1 / 3));
    statistics.fill(1 / 3);
    return { lossSum: 1, weightSum: 10 };
  });
  expect([...sum.gradients.view]).toEqual(expected);
  const offered: { format: string; bytes: Uint8Array }[] = [];
  computer.offer(1, 8, sum, {
    offer: ({ format }, _, bytes) => void offered.push({ format, bytes: bytes.slice() }),
    withdraw() {},
    async close() {},
  });
  expect(offered.map(({ format }) => format)).toEqual(['bf16', 'float32']);
  const upperHalves = new Uint16Array(Float32Array.from(expected).buffer).filter((_, i) => i % 2 === 1);
  expect([...new Uint16Array(offered[0]!.bytes.buffer)]).toEqual([...upperHalves]);
  expect(new Float32Array(offered[1]!.bytes.buffer)).toEqual(new Float32Array(6).fill(1 / 3));
});

test('a leaf whose gradient is beyond the format is one that is not finite', async () => {
  const computeLargest: ComputeLeaf = async (_, gradients, statistics) => {
    gradients.fill(3.4028234e38);
    statistics.fill(1);
    return { lossSum: 1, weightSum: 10 };
  };
  for (const [format, fits] of [
    ['float32', true],
    ['bf16', false],
    ['int8', true],
  ] as const) {
    const { leaves, gradients } = await new NodeComputer(model, { format }).sum(
      { level: 0, index: 0 },
      1,
      computeLargest,
    );
    expect(leaves[0]!.sums.isFinite, format).toBe(fits);
    if (!fits) expect([...gradients.view]).toEqual([0, 0, 0]);
  }
});

test('an offered node is kept until its step has passed', async () => {
  const offered = new Map<string, Uint8Array>();
  const outbox: BulkOutbox = {
    offer: (key: BulkKey, bucket, bytes) =>
      offered.set(`${key.version} ${key.level}:${key.index} ${bucket}`, bytes),
    withdraw() {},
    async close() {},
  };
  const computer = new NodeComputer(model);
  const first = await computer.sum({ level: 0, index: 5 }, numLeaves, compute);
  computer.offer(1, 8, first, outbox);
  computer.forgetBefore(8, outbox);
  await computer.sum(root, numLeaves, compute);
  const bytes = offered.get('8 0:5 0')!;
  const values = new Float32Array(bytes.buffer, bytes.byteOffset, model.numParameters);
  expect([...values]).toEqual(gradientOf(5));
  expect([...new Float32Array(offered.get('8 0:5 1')!.buffer)]).toEqual([5, 105]);
});
