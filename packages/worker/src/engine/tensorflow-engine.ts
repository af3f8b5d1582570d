/** The engine: a model's graph on TensorFlow's kernels, behind the contract that the worker knows. */
import {
  describeModel,
  graphOf,
  type ModelDescription,
  type Precision,
  type SideLimits,
  sideLimits,
  sizeProblem,
  UserError,
} from '@unet-fleet/law';
import { loadBinding } from './binding.ts';
import { requireDirectFilterGradient } from './filter-gradient.ts';
import { fingerprintOf } from './fingerprint.ts';
import { assertFiniteAnswer } from './finite.ts';
import { losses } from './losses/index.ts';
import { type PixelLabels, readLabels } from './losses/labels.ts';
import type { Loss, PixelLoss } from './losses/loss.ts';
import { Network } from './network.ts';
import { Parameters } from './parameters.ts';
import type { Sink } from './rules/rule.ts';
import { type Tensor, TensorFlow } from './tensorflow.ts';
import type { Batch, Engine, EngineOptions, KernelFingerprint, LeafLoss, TrainBatch } from './types.ts';

/** Loads TensorFlow into this thread. Throws a UserError when it is not installed or the device is not there. */
export const createEngine = (options: EngineOptions): Engine => new TensorFlowEngine(options);

class TensorFlowEngine implements Engine {
  readonly fingerprint: KernelFingerprint;
  readonly #options: EngineOptions;
  readonly #model: ModelDescription;
  readonly #tf: TensorFlow;
  readonly #parameters: Parameters;
  /** In the engine's own precision, and that for a leaf that is computed in another. */
  readonly #networks: Record<Precision, Network>;
  readonly #sides: SideLimits;
  readonly #loss: Loss;

  constructor(options: EngineOptions) {
    const binding = loadBinding(options);
    this.fingerprint = fingerprintOf(binding, options);
    this.#options = options;
    this.#loss = losses[options.loss];
    this.#model = describeModel(options.model);
    this.#tf = new TensorFlow(binding);
    // A thread that ends without having made a tensor unloads the library, and the process crashes in its exit handlers.
    this.#tf.free(this.#tf.tensor([1], new Float32Array(1)));
    requireDirectFilterGradient(this.#tf);
    const { model, precision } = options;
    const [tf, parameters] = [this.#tf, new Parameters(this.#tf, this.#model, precision)];
    this.#parameters = parameters;
    const network = (precision: Precision) => new Network({ tf, parameters, precision }, graphOf(model));
    this.#networks = { float32: network('float32'), bf16: network('bf16') };
    this.#sides = sideLimits(options.model);
  }

  setWeights(parameters: Float32Array, statistics: Float32Array): void {
    this.#parameters.set(parameters, statistics);
  }

  addendsOfLeaf(batch: TrainBatch, precision = this.#options.precision): number[] {
    const loss = this.#loss;
    if (loss.passes === 1) throw new Error('the loss has no first pass');
    return namingMemory(batch, () =>
      this.#tf.freeingAll(() => {
        const labels = this.#labels(batch);
        const sink: Sink = { gradient: () => {}, statistic: () => {} };
        const images = this.#images(batch, precision);
        const { logits } = this.#networks[precision].train(images, { place: batch.place, sink });
        return loss.addends(this.#tf, { logits: this.#flat(logits), labels });
      }),
    );
  }

  trainLeaf(
    batch: TrainBatch,
    gradients: Float32Array,
    statistics: Float32Array,
    onTensor?: (parameterIndex: number) => void,
    totals?: readonly number[],
    precision = this.#options.precision,
  ): LeafLoss {
    return this.#whole(batch, () => {
      const tf = this.#tf;
      const labels = this.#labels(batch);
      const sink: Sink = {
        gradient: (name, ...parts) => {
          const { index, spec } = this.#parameters.specOf(name);
          let { offset } = spec;
          for (const part of parts) {
            gradients.set(part, offset);
            offset += part.length;
          }
          onTensor?.(index);
        },
        statistic: (name, values) => {
          statistics.set(values, this.#parameters.statisticSpec(name).offset);
        },
      };
      const images = this.#images(batch, precision);
      const { logits, backward } = this.#networks[precision].train(images, { place: batch.place, sink });
      const flat = this.#flat(logits);
      const { lossSum, weightSum, gradient } = this.#lossOf(flat, labels, totals);
      const shaped = tf.into(precision, tf.reshape(gradient, logits.shape));
      tf.free(flat, logits, gradient);
      backward(shaped);
      tf.free(images);
      return { lossSum, weightSum };
    });
  }

  evaluateLeaf(
    batch: Batch,
    confusion: Float64Array,
    onClasses?: (classes: ArrayLike<number>) => void,
    precision = this.#options.precision,
  ): LeafLoss {
    return this.#whole(batch, () => {
      const tf = this.#tf;
      const labels = this.#labels(batch);
      const flat = this.#infer(batch, precision);
      const sums = this.#sumsOf(flat, labels);
      const predicted = tf.argMax(flat);
      const classes = tf.readIndices(predicted);
      tf.free(flat, predicted);
      const { numClasses } = this.#options.model;
      for (let i = 0; i < classes.length; i++) {
        const truth = batch.labels[i]!;
        if (truth !== this.#options.ignoreIndex) confusion[truth * numClasses + classes[i]!]! += 1;
      }
      onClasses?.(classes);
      return sums;
    });
  }

  predict(batch: Omit<Batch, 'labels'>): Uint16Array {
    return this.#whole(batch, () => {
      const tf = this.#tf;
      const flat = this.#infer(batch, this.#options.precision);
      assertFiniteAnswer(tf.read(flat));
      const predicted = tf.argMax(flat);
      const classes = Uint16Array.from(tf.readIndices(predicted));
      tf.free(flat, predicted);
      return classes;
    });
  }

  dispose(): void {
    this.#parameters.free();
  }

  /** Leaves no tensor behind when it fails, so that a thread can go on after a leaf that was wrong. */
  #whole<T>(batch: Omit<Batch, 'labels'>, compute: () => T): T {
    return namingMemory(batch, () => this.#tf.freeingOnFailure(compute));
  }

  #lossOf(logits: Tensor, labels: PixelLabels, totals?: readonly number[]): PixelLoss {
    const leaf = { logits, labels };
    if (this.#loss.passes === 1) return this.#loss.compute(this.#tf, leaf);
    if (totals === undefined) throw new Error('the sums over the batch come first');
    return this.#loss.compute(this.#tf, leaf, totals);
  }

  /** Without a gradient. */
  #sumsOf(logits: Tensor, labels: PixelLabels): LeafLoss {
    const leaf = { logits, labels };
    if (this.#loss.passes === 2) {
      return { lossSum: 0, weightSum: 0, addends: this.#loss.addends(this.#tf, leaf) };
    }
    const { gradient, ...sums } = this.#loss.compute(this.#tf, leaf);
    this.#tf.free(gradient);
    return sums;
  }

  #labels({ labels }: Batch): PixelLabels {
    return readLabels(labels, this.#options.model.numClasses, this.#options);
  }

  /** Logits [pixels, classes] in inference mode. */
  #infer(batch: Omit<Batch, 'labels'>, precision: Precision): Tensor {
    const images = this.#images(batch, precision);
    const logits = this.#networks[precision].infer(images);
    const flat = this.#flat(logits);
    this.#tf.free(images, logits);
    return flat;
  }

  #images({ numImages, height, width, images }: Omit<Batch, 'labels'>, precision: Precision): Tensor {
    const problem = sizeProblem({ width, height }, this.#sides);
    if (problem) throw new UserError(`photos of ${width}x${height} ${problem}`);
    const shape = [numImages, height, width, this.#options.model.inChannels];
    return this.#tf.into(precision, this.#tf.tensor(shape, images));
  }

  /** In float32, which losses and scores are computed in. */
  #flat(logits: Tensor): Tensor {
    const [numImages, height, width, numClasses] = logits.shape as [number, number, number, number];
    const rows = this.#tf.reshape(logits, [numImages * height * width, numClasses]);
    return this.#tf.into('float32', rows);
  }
}

/** TensorFlow says "OOM when allocating"; a person needs to hear what to try. */
function namingMemory<T>({ numImages, width, height }: Omit<Batch, 'labels'>, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    const { message } = error as Error;
    if (!/OOM|out of memory|RESOURCE_EXHAUSTED|failed to allocate/i.test(message)) throw error;
    const images = `${numImages} photos of ${width}x${height}`;
    const remedy =
      numImages > 1
        ? `try --leaf-size ${Math.floor(numImages / 2)}`
        : 'try a smaller --size or a smaller --base-width';
    throw new UserError(`the engine's memory does not suffice for a leaf of ${images}: ${remedy}`);
  }
}
