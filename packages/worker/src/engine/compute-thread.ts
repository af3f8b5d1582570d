/**
 * The engine in a thread of its own, as the worker's main thread sees it: the same calls as promises. Weights and
 * gradients lie in shared memory, so they are never copied between the threads.
 */
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { decoderName } from '@unet-fleet/dataset/decoder';
import { type ExitCode, mergeConfusion, quietBeforeExit, UserError } from '@unet-fleet/shared';
import type { ComputeAnswer, ComputeCall, EvaluatedLeaf } from './compute-protocol.ts';
import type { Batch, EngineFingerprint, EngineOptions, KernelFingerprint, LeafLoss } from './types.ts';

/** For the call that is under way when the thread is closed; one that takes longer has hung. */
const closePatienceMs = 5_000;

interface Pending {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onTensor: ((parameterIndex: number) => void) | null;
}

export class ComputeThread {
  readonly #worker: Worker;
  readonly #numClasses: number;
  readonly #pending: Pending[] = [];
  #ended: Error | null = null;
  /** Resolves what waits for the call that is under way; null while new calls are taken. */
  #whenQuiet: (() => void)[] | null = null;
  /** Calls that the thread has not answered, whoever still waits for them; the first loads TensorFlow. */
  #numUnderWay = 1;
  readonly #isClosed: () => void;
  #fingerprint: EngineFingerprint | null = null;

  private constructor(options: EngineOptions) {
    this.#numClasses = options.model.numClasses;
    // SHARE_ENV: the engine sets variables that TensorFlow reads, and a copy of the environment would not reach it.
    this.#worker = new Worker(new URL('./compute-thread-main.js', import.meta.url), {
      workerData: options,
      env: SHARE_ENV,
    });
    this.#isClosed = quietBeforeExit(() => this.#quiet());
    this.#worker.on('message', (answer: ComputeAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#gone(error));
    this.#worker.on('exit', (code) => this.#gone(new Error(`the compute thread ended with code ${code}`)));
  }

  /** Starts the thread and loads TensorFlow in it. Throws a UserError when it is not installed. */
  static async start(options: EngineOptions): Promise<ComputeThread> {
    const thread = new ComputeThread(options);
    try {
      const kernels = (await thread.#answer(null)) as KernelFingerprint;
      // Photos are decoded in this thread.
      thread.#fingerprint = { ...kernels, decoder: decoderName() };
    } catch (error) {
      await thread.close();
      throw error;
    }
    return thread;
  }

  get fingerprint(): EngineFingerprint {
    return this.#fingerprint!;
  }

  /** The vectors lie in shared memory and must stay as they are until the promise settles. */
  async setWeights(parameters: Float32Array, statistics: Float32Array): Promise<void> {
    await this.#call({ type: 'set-weights', parameters, statistics });
  }

  /**
   * Fills `gradients` and `statistics`, which lie in shared memory; `onTensor` is told of each parameter whose gradient
   * is complete while the backward pass goes on. The batch is used up.
   */
  async trainLeaf(
    batch: Batch,
    gradients: Float32Array,
    statistics: Float32Array,
    onTensor: ((parameterIndex: number) => void) | null = null,
  ): Promise<LeafLoss> {
    const call: ComputeCall = {
      type: 'train',
      batch,
      gradients,
      statistics,
      reportsTensors: onTensor !== null,
    };
    return (await this.#call(call, buffersOf(batch), onTensor)) as LeafLoss;
  }

  /**
   * Adds to `confusion`. The batch is used up. `kept`: images of the batch whose classes are wanted as `pictures`, see
   * class-bytes.ts.
   */
  async evaluateLeaf(
    batch: Batch,
    confusion: Float64Array,
    kept: readonly number[] = [],
  ): Promise<LeafLoss & { pictures: Uint8Array[] }> {
    const call: ComputeCall = { type: 'evaluate', batch, numClasses: this.#numClasses, kept };
    const value = (await this.#call(call, buffersOf(batch))) as EvaluatedLeaf;
    mergeConfusion(confusion, value.confusion);
    return { ...value.loss, pictures: value.pictures };
  }

  /** Class index of each pixel, NHW. The batch is used up. */
  async predict(batch: Omit<Batch, 'labels'>): Promise<Uint16Array> {
    return (await this.#call({ type: 'predict', batch }, [
      batch.images.buffer as ArrayBuffer,
    ])) as Uint16Array;
  }

  async close(): Promise<void> {
    this.#end(new Error('the compute thread was closed'));
    // Ended in the middle of TensorFlow's code, the thread would take the process with it.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, closePatienceMs);
    });
    await Promise.race([this.#quiet(), late]);
    clearTimeout(timer);
    this.#isClosed();
    await this.#worker.terminate();
  }

  /** Takes no more calls, and resolves when none is under way. */
  #quiet(): Promise<void> {
    this.#whenQuiet ??= [];
    if (this.#numUnderWay === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenQuiet!.push(resolve));
  }

  #call(
    call: ComputeCall,
    transfer: ArrayBuffer[] = [],
    onTensor: ((parameterIndex: number) => void) | null = null,
  ): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    // Nobody waits for the answer of a process that ends.
    if (this.#whenQuiet) return this.#answer(onTensor);
    this.#numUnderWay++;
    this.#worker.postMessage(call, transfer);
    return this.#answer(onTensor);
  }

  #answer(onTensor: ((parameterIndex: number) => void) | null): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject, onTensor });
    });
  }

  #settle(answer: ComputeAnswer): void {
    if (answer.type === 'tensor') {
      this.#pending[0]?.onTensor?.(answer.index);
      return;
    }
    const pending = this.#pending.shift();
    if (answer.type === 'started') pending?.resolve(answer.fingerprint);
    else if (answer.type === 'done') pending?.resolve(answer.value);
    else if (answer.exitCode === null) pending?.reject(new Error(answer.message));
    else pending?.reject(new UserError(answer.message, answer.exitCode as ExitCode));
    this.#numUnderWay--;
    this.#tellQuiet();
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.splice(0)) reject(this.#ended);
  }

  #gone(error: Error): void {
    this.#end(error);
    this.#numUnderWay = 0;
    this.#tellQuiet();
  }

  #tellQuiet(): void {
    if (this.#numUnderWay === 0) for (const resolve of this.#whenQuiet?.splice(0) ?? []) resolve();
  }
}

const buffersOf = ({ images, labels }: Batch): ArrayBuffer[] => [
  images.buffer as ArrayBuffer,
  labels.buffer as ArrayBuffer,
];
