/** How a batch is cut into leaves: by the config alone, never by the workers there are. */
import type { TrainConfig } from './types.ts';

type LeafOptions = Pick<TrainConfig, 'batchSize' | 'leafSize'>;

/** Images per leaf: leafSize, or a quarter of the batch, rounded up. */
export const leafSizeOf = (train: LeafOptions): number =>
  train.leafSize > 0 ? train.leafSize : Math.ceil(train.batchSize / 4);

/**
 * A sentence about workers that find no leaf in a step of `numLeaves`, with the sizes that would use them all; null
 * when all have work.
 */
export function idleWorkersNote(numWorkers: number, numLeaves: number, train: LeafOptions): string | null {
  if (numWorkers <= numLeaves) return null;
  const numIdle = numWorkers - numLeaves;
  const idle = `${numIdle} of ${numWorkers} workers will have nothing to do: a step has ${count(numLeaves, 'leaf', 'leaves')}`;
  const leafSize = Math.floor(train.batchSize / numWorkers);
  const smallerLeaf = leafSize >= 1 && Math.ceil(train.batchSize / leafSize) >= numWorkers;
  return smallerLeaf
    ? `${idle}; --leaf-size ${leafSize} would use them all`
    : `${idle}; --batch-size ${numWorkers * leafSizeOf(train)} --leaf-size ${leafSizeOf(train)} would use them all`;
}

const count = (n: number, one: string, many: string): string => `${n} ${n === 1 ? one : many}`;
