/**
 * The engine in a thread of its own, as the worker's main thread sees it: the same calls as promises. Weights and
 * gradients lie in shared memory, so they are never copied between the threads.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { SHARE_ENV } from 'node:worker_threads';
import { decoderName } from '@unet-fleet/dataset/decoder';
import { mergeConfusion, type Precision } from '@unet-fleet/law';
import { quietBeforeExit } from '@unet-fleet/shared';
import { Thread } from '@unet-fleet/shared/threads';
import type { ComputeFunctions, ComputeListener } from './compute-thread-main.ts';
import type { Batch, EngineFingerprint, EngineOptions, LeafLoss, TrainBatch } from './types.ts';

/** For the call that is under way when the thread is closed; one that takes longer has hung. */
const closePatienceMs = 5_000;

const ownScript = new URL('./compute-thread-main.js', import.meta.url);

export class ComputeThread {
  readonly #thread: Thread<ComputeFunctions, ComputeListener>;
  /** By leaf: who is told of its tensors. */
  readonly #listeners = new Map<number, (parameterIndex: number) => void>();
  #numLeaves = 0;
  /** The process ends: no call is begun any more. */
  #isQuiet = false;
  readonly #isClosed: () => void;
  #fingerprint: EngineFingerprint | null = null;

  private constructor(options: EngineOptions, script: URL) {
    // SHARE_ENV: the engine sets variables that TensorFlow reads, and a copy of the environment would not reach it.
    this.#thread = new Thread(script, {
      name: 'the compute thread',
      data: options,
      env: SHARE_ENV,
      functions: { tensor: (leaf, index) => this.#listeners.get(leaf)?.(index) },
    });
    this.#isClosed = quietBeforeExit(() => {
      this.#isQuiet = true;
      return this.#thread.idle();
    });
  }

  /**
   * Starts the thread and loads TensorFlow in it. Throws a UserError when it is not installed. `script`: another thread
   * with the same functions, which a benchmark has.
   */
  static async start(options: EngineOptions, script = ownScript): Promise<ComputeThread> {
    const compute = new ComputeThread(options, script);
    try {
      const kernels = await compute.#call('load', []);
      // Photos are decoded in this thread.
      compute.#fingerprint = { ...kernels, decoder: decoderName() };
    } catch (error) {
      await compute.close();
      throw error;
    }
    return compute;
  }

  get fingerprint(): EngineFingerprint {
    return this.#fingerprint!;
  }

  /** The vectors lie in shared memory, and stay as they are until others are set or nothing is computed any more. */
  setWeights(parameters: Float32Array, statistics: Float32Array): Promise<void> {
    return this.#call('setWeights', [parameters, statistics]);
  }

  /** Of a loss of two passes. The batch is used up. */
  addendsOfLeaf(batch: TrainBatch, precision?: Precision): Promise<number[]> {
    return this.#call('addendsOfLeaf', [batch, precision], buffersOf(batch));
  }

  /**
   * Fills `gradients` and `statistics`, which lie in shared memory; `onTensor` is told of each parameter whose gradient
   * is complete while the backward pass goes on. `totals` and `precision` as in Engine. The batch is
   * used up.
   */
  async trainLeaf(
    batch: TrainBatch,
    gradients: Float32Array,
    statistics: Float32Array,
    onTensor: ((parameterIndex: number) => void) | null = null,
    totals?: readonly number[],
    precision?: Precision,
  ): Promise<LeafLoss> {
    const leaf = onTensor ? ++this.#numLeaves : null;
    if (leaf !== null) this.#listeners.set(leaf, onTensor!);
    try {
      return await this.#call(
        'trainLeaf',
        [leaf, batch, gradients, statistics, totals, precision],
        buffersOf(batch),
      );
    } finally {
      if (leaf !== null) this.#listeners.delete(leaf);
    }
  }

  /**
   * Adds to `confusion`. The batch is used up. `kept`: images of the batch whose classes are wanted as `pictures`, see
   * class-bytes.ts.
   */
  async evaluateLeaf(
    batch: Batch,
    confusion: Float64Array,
    kept: readonly number[] = [],
    precision?: Precision,
  ): Promise<LeafLoss & { pictures: Uint8Array[] }> {
    const evaluated = await this.#call('evaluateLeaf', [batch, kept, precision], buffersOf(batch));
    mergeConfusion(confusion, evaluated.confusion);
    return { ...evaluated.loss, pictures: evaluated.pictures };
  }

  /** Class index of each pixel, NHW. The batch is used up. */
  predict(batch: Omit<Batch, 'labels'>): Promise<Uint16Array> {
    return this.#call('predict', [batch], [batch.images.buffer as ArrayBuffer]);
  }

  async close(): Promise<void> {
    this.#thread.refuse(new Error('the compute thread was closed'));
    // Ended in the middle of TensorFlow's code, the thread would take the process with it.
    const waiting = new AbortController();
    const late = pause(closePatienceMs, null, { signal: waiting.signal }).catch(() => {});
    await Promise.race([this.#thread.idle(), late]);
    waiting.abort();
    this.#isClosed();
    await this.#thread.close();
  }

  /** Nobody waits for the answer of a process that ends. */
  readonly #call: Thread<ComputeFunctions>['call'] = (name, args, moved) =>
    this.#isQuiet ? new Promise(() => {}) : this.#thread.call(name, args, moved);
}

const buffersOf = ({ images, labels }: Batch): ArrayBuffer[] => [
  images.buffer as ArrayBuffer,
  labels.buffer as ArrayBuffer,
];
