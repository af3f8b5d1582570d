/**
 * What a worker holds while it is a member of a run under one term: data, engine, weights, and the means to compute a
 * node and hand it over. Made anew when the coordinator starts again; the engine and the sample cache are kept.
 */
import { promisify } from 'node:util';
import { deflate as deflateWithCallback } from 'node:zlib';
import { toBatch } from '@unet-fleet/dataset/batch';
import {
  firstLeaf,
  leavesOf,
  numValidationLeaves,
  type PlanConfig,
  type RoundKind,
  type StepPlan,
  stepOn,
  stepPlan,
  type TreeNode,
  UserError,
  type Version,
  validationLeafSamples,
} from '@unet-fleet/law';
import type { BulkOutbox, WorkerTimings } from '@unet-fleet/wire';
import { encode } from '@unet-fleet/wire/protocol/messages';
import { classBytes } from '../engine/class-bytes.ts';
import type { ComputeThread } from '../engine/compute-thread.ts';
import type { LeasedWork, ResultMessage } from '../session/types.ts';
import type { Batches } from './batches.ts';
import { finiteWherePossible, leftOut, plainLeafSums } from './leaf-sums.ts';
import { type ComputeLeaf, Interrupted, type NodeComputer, type NodeSum } from './nodes.ts';
import type { Weights } from './weights.ts';

const deflate = promisify(deflateWithCallback);

/** What it asks of the compute thread. */
export type LeafEngine = Pick<
  ComputeThread,
  'setWeights' | 'trainLeaf' | 'addendsOfLeaf' | 'evaluateLeaf' | 'predict'
>;

/** Where its leaves come from. */
export type LeafBatches = Pick<
  Batches,
  'train' | 'validation' | 'expectTrain' | 'expectFiles' | 'expectValidation' | 'expectValidationFiles'
>;

export interface MemberOptions {
  term: number;
  plan: PlanConfig;
  numClasses: number;
  /** A leaf that is not finite in the engine's precision is computed again. */
  retriesInFloat32: boolean;
  /** Of a photo as the model sees it. */
  channels: number;
  compute: LeafEngine;
  batches: LeafBatches;
  nodes: NodeComputer;
  weights: Weights;
  outbox: BulkOutbox;
  /** What the broker takes as one message. */
  maxMessageBytes: number;
}

/** The lease was overtaken while it was computed: its result would be dropped. */
export class Overtaken extends Error {}

/** Ends a computation whose finished parts are wanted. */
class HandOver extends Error {}

export class Member {
  readonly #options: MemberOptions;
  /** Places in the split of the validation photos whose predictions are sent along. */
  followed: readonly number[] = [];
  /** Version of the weights that the engine was given last; null before the first. */
  #engineVersion: number | null = null;
  /** Rejects what is waited for, if anything is. */
  #interrupt: (reason: HandOver) => void = () => {};

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  /** What is computed of a node, by the kind of its round. */
  readonly #computers: Record<RoundKind, ComputeNode> = {
    train: (...work) => this.#train(...work),
    sums: (...work) => this.#sum(...work),
    validation: (...work) => this.#validate(...work),
  };

  /**
   * Computes a node of a lease: one result. `isCurrent` is asked between leaves, so that no time goes into a round that
   * is over. Asked to hand over, it gives the leaf under way up at once, and there is a result for each part of the node
   * that is finished, which may be none; nothing may be computed after that, because the engine is still busy with the
   * leaf. Rejects with Overtaken, with FetchError (weights gone), or with what data and engine throw.
   */
  async compute(lease: LeasedWork, node: TreeNode, isCurrent: () => boolean): Promise<ResultMessage[]> {
    const timings: WorkerTimings = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };
    const { weights, compute } = this.#options;
    const task: Task = {
      timings,
      until: (work) => this.#untilHandedOver(work),
      check: () => {
        if (!isCurrent()) throw new Overtaken();
      },
    };
    try {
      await task.until(
        timed(timings, 'fetchMs', async () => {
          if (await weights.update(lease.version)) {
            this.#engineVersion = lease.version;
            await compute.setWeights(weights.parameters, weights.statistics);
          }
        }),
      );
      return await this.#computers[lease.kind](lease, node, task);
    } catch (error) {
      if (error instanceof HandOver) return [];
      throw error;
    }
  }

  /** Breaks off the computation that goes on. */
  handOver(): void {
    this.#interrupt(new HandOver());
  }

  #untilHandedOver<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      work.then(resolve, reject);
    });
  }

  forget(version: Version, node: TreeNode): void {
    this.#options.nodes.forget(version, node, this.#options.outbox);
  }

  forgetBefore(version: Version): void {
    this.#options.nodes.forgetBefore(version, this.#options.outbox);
  }

  get channels(): number {
    return this.#options.channels;
  }

  /**
   * Classes of a photo of training size, with the weights that the engine has: HWC values in, deflated class-bytes.ts out.
   * The compute thread does one call after another, so this one comes between two leaves and changes nothing of theirs.
   * Throws a UserError when there are no weights yet, or the photo does not fit the engine.
   */
  async segment(photo: { width: number; height: number; pixels: Uint8Array | Float32Array }) {
    const { compute, numClasses, channels } = this.#options;
    const version = this.#engineVersion;
    if (version === null) throw new UserError('this worker has no weights yet');
    const numPixels = photo.width * photo.height;
    const { labels, ...batch } = toBatch([{ ...photo, channels, labels: new Uint8Array(numPixels) }]);
    const classes = await compute.predict(batch);
    return { version, classes: await deflate(classBytes(classes, 0, numPixels, numClasses)) };
  }

  /** The first pass over a leaf. */
  async #sum(lease: LeasedWork, node: TreeNode, task: Task): Promise<ResultMessage[]> {
    const { plan, compute, term, retriesInFloat32 } = this.#options;
    const { timings, check, until } = task;
    const step = stepPlan(plan, lease.version);
    check();
    const sums = await finiteWherePossible(retriesInFloat32, async (precision) => {
      const batch = await this.#load(lease, step, firstLeaf(node), task);
      const computed = timed(timings, 'computeMs', () => compute.addendsOfLeaf(batch, precision));
      return plainLeafSums({ lossSum: 0, weightSum: 0, addends: await until(computed) });
    });
    const leaves = [sums];
    const { kind, version } = lease;
    return [{ type: 'result', term, kind, version, node, leaves, confusion: null, timings }];
  }

  /** A leaf of a step; what comes after it is loaded while it is computed. */
  async #load({ version, nodes }: LeasedWork, step: StepPlan, leaf: number, { timings, until }: Task) {
    const { batches } = this.#options;
    const loading = batches.train(step, leaf);
    batches.expectFiles(version, nodes, leaf);
    const batch = await until(timed(timings, 'dataMs', () => loading));
    batches.expectTrain(version, nodes, leaf);
    return batch;
  }

  async #train(lease: LeasedWork, node: TreeNode, task: Task): Promise<ResultMessage[]> {
    const { plan, compute, nodes, outbox, term } = this.#options;
    const { timings, check, until } = task;
    const step = stepPlan(plan, lease.version);
    const computeLeaf: ComputeLeaf = async (leaf, gradients, statistics, precision, onTensor) => {
      check();
      if (lease.firstPass?.skippedLeaves.includes(leaf)) return leftOut;
      const batch = await this.#load(lease, step, leaf, task);
      const totals = lease.firstPass?.totals;
      return until(
        timed(timings, 'computeMs', () =>
          compute.trainLeaf(batch, gradients, statistics, onTensor, totals, precision),
        ),
      );
    };
    const sums = await this.#wanted(
      outbox.isReadEarly
        ? nodes.sumOffering(
            node,
            step.numLeaves,
            computeLeaf,
            nodes.earlyPort(term, lease.version, node, outbox),
          )
        : nodes.sum(node, step.numLeaves, computeLeaf),
    );
    await timed(timings, 'sendMs', async () => {
      for (const sum of sums) nodes.offer(term, lease.version, sum, outbox);
    });
    this.#options.weights.expect(stepOn(lease.version));
    return sums.map((sum, i) => ({
      type: 'result',
      term,
      kind: 'train',
      version: lease.version,
      node: sum.node,
      leaves: sum.leaves.map((leaf) => leaf.sums),
      confusion: null,
      // Of all of them together.
      timings: i === 0 ? timings : { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 },
    }));
  }

  /** The node, or the parts of it that are there when it is handed over. */
  async #wanted(computed: Promise<NodeSum>): Promise<NodeSum[]> {
    try {
      return [await computed];
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      if (error.cause instanceof HandOver) return error.finished;
      for (const sum of error.finished) this.#options.nodes.release(sum);
      throw error.cause;
    }
  }

  async #validate(
    lease: LeasedWork,
    node: TreeNode,
    { timings, check, until }: Task,
  ): Promise<ResultMessage[]> {
    const { plan, compute, batches, term, numClasses, maxMessageBytes, retriesInFloat32 } = this.#options;
    const [leaf] = leavesOf(node, numValidationLeaves(plan));
    check();
    const samples = validationLeafSamples(plan, leaf!);
    const kept = Array.from(samples.keys()).filter((image) => this.followed.includes(samples[image]!));
    let confusion = new Float64Array();
    let maps: Uint8Array[] = [];
    const sums = await finiteWherePossible(retriesInFloat32, async (precision) => {
      const loading = batches.validation(leaf!);
      batches.expectValidationFiles(leaf!);
      const batch = await until(timed(timings, 'dataMs', () => loading));
      batches.expectValidation(leaf! + 1);
      confusion = new Float64Array(numClasses * numClasses);
      const computed = timed(timings, 'computeMs', () =>
        compute.evaluateLeaf(batch, confusion, kept, precision),
      );
      const { pictures, ...loss } = await until(computed);
      maps = pictures;
      return plainLeafSums(loss);
    });
    // What a loss that is not finite comes of says nothing of its classes either.
    const indices = sums.isFinite ? Array.from(confusion.keys()).filter((cell) => confusion[cell] !== 0) : [];
    const result: ResultMessage = {
      type: 'result',
      term,
      kind: 'validation',
      version: lease.version,
      node,
      leaves: [sums],
      confusion: { indices, counts: indices.map((cell) => confusion[cell]!) },
      timings,
    };
    if (kept.length === 0) return [result];
    const classes = await timed(timings, 'sendMs', () => Promise.all(maps.map((map) => deflate(map))));
    const pictures = classes.map((map, i) => ({ sample: samples[kept[i]!]!, classes: map }));
    return [{ ...result, pictures: fitting(pictures, maxMessageBytes - encode(result).length) }];
  }
}

/** Without the bytes of those for which a message has no room. */
export function fitting(pictures: { sample: number; classes: Uint8Array }[], roomBytes: number) {
  let leftBytes = roomBytes - reserveBytes;
  return pictures.map(({ sample, classes }) => {
    const fits = classes.byteLength <= leftBytes;
    if (fits) leftBytes -= classes.byteLength;
    return { sample, classes: fits ? classes : new Uint8Array() };
  });
}

/** The names and numbers around the pictures of a message, with room. */
const reserveBytes = 4_096;

type ComputeNode = (lease: LeasedWork, node: TreeNode, task: Task) => Promise<ResultMessage[]>;

/** One computation, and what may end it before its time. */
interface Task {
  timings: WorkerTimings;
  /** Throws Overtaken when the lease is no longer current. */
  check(): void;
  /** The work's value; rejects with HandOver as soon as the worker is asked to leave. */
  until<T>(work: Promise<T>): Promise<T>;
}

async function timed<T>(
  timings: WorkerTimings,
  part: keyof WorkerTimings,
  work: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    timings[part] += performance.now() - start;
  }
}
