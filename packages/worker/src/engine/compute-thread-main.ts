/** The compute thread: owns the engine and does one call after another. TensorFlow blocks it for the whole of a leaf. */
import { emptyConfusion, type Precision } from '@unet-fleet/law';
import { Moved, Starter, threadData } from '@unet-fleet/shared/threads';
import { classBytes } from './class-bytes.ts';
import { createEngine } from './tensorflow-engine.ts';
import type { Batch, Engine, EngineOptions, TrainBatch } from './types.ts';

/** What the thread tells while a call goes on. */
export interface ComputeListener {
  /** A parameter's gradient is complete, of the leaf that was called so. */
  tensor(leaf: number, parameterIndex: number): void;
}

export type ComputeFunctions = typeof functions;

const starter = new Starter<ComputeListener>();
const options = threadData<EngineOptions>();
let engine: Engine;

const functions = {
  /** The first call: loads TensorFlow. */
  load() {
    engine = createEngine(options);
    return engine.fingerprint;
  },

  setWeights: (parameters: Float32Array, statistics: Float32Array) =>
    engine.setWeights(parameters, statistics),

  addendsOfLeaf: (batch: TrainBatch, precision?: Precision) => engine.addendsOfLeaf(batch, precision),

  /** `leaf`: by which the listener is told of its tensors; null where nobody listens. */
  trainLeaf(
    leaf: number | null,
    batch: TrainBatch,
    gradients: Float32Array,
    statistics: Float32Array,
    totals?: readonly number[],
    precision?: Precision,
  ) {
    const onTensor = leaf === null ? undefined : (index: number) => starter.tell('tensor', leaf, index);
    return engine.trainLeaf(batch, gradients, statistics, onTensor, totals, precision);
  },

  /** `kept`: images of the batch whose classes are wanted, as `pictures` in their order: see class-bytes.ts. */
  evaluateLeaf(batch: Batch, kept: readonly number[], precision?: Precision) {
    const { numClasses } = options.model;
    const confusion = emptyConfusion(numClasses) as Float64Array<ArrayBuffer>;
    const pictures: Uint8Array<ArrayBuffer>[] = [];
    const numPixels = batch.width * batch.height;
    const keep = (classes: ArrayLike<number>) => {
      for (const image of kept) pictures.push(classBytes(classes, image * numPixels, numPixels, numClasses));
    };
    const loss = engine.evaluateLeaf(batch, confusion, kept.length > 0 ? keep : undefined, precision);
    return new Moved({ loss, confusion, pictures }, [
      confusion.buffer,
      ...pictures.map(({ buffer }) => buffer),
    ]);
  },

  predict(batch: Omit<Batch, 'labels'>) {
    const classes = engine.predict(batch);
    return new Moved(classes, [classes.buffer as ArrayBuffer]);
  },
};

starter.serve(functions, { what: 'the engine' });
