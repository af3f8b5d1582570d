/**
 * A stand-in for an accelerator: the compute thread's functions, for benchmarks alone. It computes nothing. A leaf takes the
 * time that it is told, of which the thread sleeps all but what copying takes, and its gradients, real bytes from a seed,
 * come in the order and at the moments of a backward pass. So the exchange is felt as a GPU would feel it, on a machine
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
const gradient = new Float32Array(describeModel(model).numParameters);

const sleeper = new Int32Array(new SharedArrayBuffer(4));
function sleepUntil(timeMs: number): void {
  const leftMs = timeMs - performance.now();
  if (leftMs > 0) Atomics.wait(sleeper, 0, 0, leftMs);
}

const lossOf = ({ numImages, width, height }: Batch) => {
  const numPixels = numImages * width * height;
  return { lossSum: numPixels, weightSum: numPixels };
};

const functions = {
  load() {
    const random = new RandomStream('stand-in gradient');
    const period = Float32Array.from({ length: 65_521 }, () => random.between(-1e-3, 1e-3));
    for (let i = 0; i < gradient.length; i += period.length) {
      gradient.set(period.subarray(0, gradient.length - i), i);
    }
    return { library: 'stand-in', device: 'none', intraOpThreads: 1, settings: `${leafMs} ms a leaf` };
  },

  setWeights() {},

  trainLeaf(leaf: number | null, batch: Batch, gradients: Float32Array, statistics: Float32Array) {
    const beganMs = performance.now();
    statistics.fill(1);
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
    return new Moved({ loss: lossOf(batch), confusion, pictures: [] }, [confusion.buffer]);
  },

  predict({ numImages, width, height }: Omit<Batch, 'labels'>) {
    const classes = new Uint16Array(numImages * width * height);
    return new Moved(classes, [classes.buffer as ArrayBuffer]);
  },
};

starter.serve(functions satisfies Partial<ComputeFunctions>, { what: 'the stand-in' });
