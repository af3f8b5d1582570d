/**
 * Which values a dropout drops: a function of the run's seed, the version of the weights, the photo's place in the step's
 * batch and the node, so that the bits are the same on every machine, in whichever leaf the photo is, in both passes of a
 * loss that has two, and when the step is computed again.
 */
import type { PlanPlace } from '../plan/plan.ts';
import { RandomStream } from '../rng.ts';

/**
 * Fills `mask`, a map for each of the leaf's images, with what the values are multiplied by: 0 with the probability `rate`,
 * else 1 / (1 - rate), so that their mean stays.
 */
export function fillDropoutMask(
  mask: Float32Array,
  { name, rate }: { name: string; rate: number },
  { seed, version, firstImage }: PlanPlace,
  numImages: number,
): void {
  const numValues = mask.length / numImages;
  const kept = 1 / (1 - rate);
  const end = rate * 2 ** 32;
  for (let image = 0; image < numImages; image++) {
    const stream = new RandomStream(seed, 'dropout', name, version, firstImage + image);
    const first = image * numValues;
    for (let i = 0; i < numValues; i++) mask[first + i] = stream.uint32() < end ? 0 : kept;
  }
}
