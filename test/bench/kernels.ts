/**
 * A process of `pnpm bench`: what the kernels take for as many values as it is told, bucket by bucket as reducers do it,
 * on one thread. Prints one JSON line.
 */
import { parameterBuckets } from '@unet-fleet/law';
import { combineNodes, createOptimizer, NumericMemory } from '@unet-fleet/numerics';
import { median } from './spread.ts';

const [numValues = 31_041_403, numTimes = 6] = process.argv.slice(2).map(Number);
const numWarmUp = 2;

const memory = new NumericMemory({ shared: true });
const optimizer = createOptimizer({
  ...{ optimizer: 'rmsprop', clip: 'value', clipLimit: 0.1 },
  ...{ weightDecay: 1e-8, momentum: 0.9, alpha: 0.99, epsilon: 1e-8 },
} as Parameters<typeof createOptimizer>[0]);
const buckets = parameterBuckets(numValues).map(({ length }) => {
  const values = Float32Array.from({ length }, (_, i) => (i % 1_000) * 1e-6);
  return {
    ...{ parameters: memory.from(values), gradients: memory.from(values), addend: memory.from(values) },
    slots: optimizer.slots.map(() => memory.allocate(length)),
  };
});

function msOf(work: (bucket: (typeof buckets)[number]) => void): number {
  const taken = Array.from({ length: numTimes }, () => {
    const startMs = performance.now();
    for (const bucket of buckets) work(bucket);
    return performance.now() - startMs;
  });
  return median(taken.slice(numWarmUp));
}

const addMs = msOf(({ gradients, addend }) => combineNodes(gradients, addend, 'float32'));
const scalars = { scale: 1e-3, normCoefficient: 1, learningRate: 1e-3, updateIndex: 1 };
const rmspropMs = msOf(({ parameters, gradients, slots }) =>
  optimizer.apply({ parameters, gradients, slots }, scalars),
);
const peakMb = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ addMs, rmspropMs, peakMb }));
