/**
 * A stand-in for an accelerator: the compute thread's functions, for benchmarks alone. It computes nothing. A leaf takes the
 * time that it is told, of which the thread sleeps all but what copying takes, and its gradients, real bytes from a seed that
 * differ with photos and weights, come in the order and at the moments of a backward pass. So the exchange is felt as a GPU would feel it, on a machine
 * without one: nothing else competes for the processor.
 */
import { describeModel, emptyConfusion, RandomStream } from '@unet-fleet/law';
import { Moved, Starter, threadData } from '@unet-fleet/shared/threads';
import type { Batch, EngineOptions } from '@unet-fleet/worker';
import type { ComputeFunctions, ComputeListener } from '@unet-fleet/worker/engine/compute-thread-main';
import { backwardOrder } from './backward-order.ts';
import { standInOf } from './settings.ts';

const starter = new Starter<ComputeListener>();
const { model } = threadData<EngineOptions>();
const { leafMs, width, height } = standInOf(process.env);
const order = backwardOrder(model, width, height);
/** The gradient of a leaf begins at one of these places, by its photos and the weights: so each has bits of its own. */
const numStarts = 4_099;
const { numParameters } = describeModel(model);
const values = new Float32Array(numParameters + numStarts);
let weightsKey = 0;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
function sleepUntil(timeMs: number): void {
  const leftMs = timeMs - performance.now();
  if (leftMs > 0) Atomics.wait(sleeper, 0, 0, leftMs);
}

/** Of a thousand of the values, which costs next to nothing. */
function keyOf(of: Float32Array): number {
  const bits = new Uint32Array(of.buffer, of.byteOffset, of.length);
  const stride = Math.max(1, Math.floor(of.length / 1_000));
  let key = 0;
  for (let i = 0; i < of.length; i += stride) key = (Math.imul(key, 31) + bits[i]!) >>> 0;
  return key;
}

const lossOf = ({ numImages, width, height }: Batch) => {
  const numPixels = numImages * width * height;
  return { lossSum: numPixels, weightSum: numPixels };
};

const functions = {
  load() {
    const random = new RandomStream('stand-in gradient');
    const period = Float32Array.from({ length: 65_521 }, () => random.between(-1e-3, 1e-3));
    for (let i = 0; i < values.length; i += period.length) {
      values.set(period.subarray(0, values.length - i), i);
    }
    const engine = { library: 'stand-in', device: 'none', intraOpThreads: 1, precision: 'float32' as const };
    return { ...engine, settings: `${leafMs} ms a leaf` };
  },

  setWeights(parameters: Float32Array) {
    weightsKey = keyOf(parameters);
  },

  trainLeaf(leaf: number | null, batch: Batch, gradients: Float32Array, statistics: Float32Array) {
    const beganMs = performance.now();
    statistics.fill(1);
    // Even, as tensors lie: V8 copies into shared memory by 8 bytes, but one by one where source and target lie otherwise.
    const start = ((keyOf(batch.images) + weightsKey) % numStarts) & ~1;
    const gradient = values.subarray(start, start + numParameters);
    for (const { spec, index, at } of order) {
      sleepUntil(beganMs + at * leafMs);
      const { offset, size } = spec;
      gradients.set(gradient.subarray(offset, offset + size), offset);
      if (leaf !== null) starter.tell('tensor', leaf, index);
    }
    return lossOf(batch);
  },

  evaluateLeaf(batch: Batch, _kept: readonly number[]) {
    sleepUntil(performance.now() + leafMs / 3);
    const confusion = emptyConfusion(model.numClasses) as Float64Array<ArrayBuffer>;
    confusion[0] = batch.numImages * batch.width * batch.height;
    return new Moved({ loss: lossOf(batch), confusion, pictures: [] }, [confusion.buffer]);
  },

  predict({ numImages, width, height }: Omit<Batch, 'labels'>) {
    const classes = new Uint16Array(numImages * width * height);
    return new Moved(classes, [classes.buffer as ArrayBuffer]);
  },
};

starter.serve(functions satisfies Partial<ComputeFunctions>, { what: 'the stand-in' });
