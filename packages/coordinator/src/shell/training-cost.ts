/**
 * What training costs a worker, before a run: from the model's graph and the sizes of photos. `inspect` and `doctor` say
 * it, and a run warns where its leaves will hardly fit this machine. An estimate, checked against the peaks of workers
 * (docs/adr/0014-model-as-a-graph.md); on a GPU maps and weights are in its memory.
 */
import { trainingSizeOf } from '@unet-fleet/dataset';
import {
  bytes,
  bytesPerValue,
  type Config,
  costOf,
  counted,
  graphOf,
  leafSizeOf,
  modelOf,
  modelTitle,
  optimizers,
  sideLimits,
  tensorsOf,
} from '@unet-fleet/law';

export interface TrainingCost {
  model: string;
  numParameters: number;
  /** The largest leaf. */
  leaf: { numImages: number; width: number; height: number };
  /** Forward and backward pass for one photo of the largest size. */
  multiplyAddsPerPhoto: number;
  /** Of a leaf's maps and their gradients at one time. */
  mapBytes: number;
  /** Of the weights in a worker: the version's, TensorFlow's copy, the gradient, and a sum of leaves. */
  weightBytes: number;
  /** Of the optimizer's state, which is the coordinator's. */
  optimizerBytes: number;
  /** Of a worker in all, with what it takes to load the engine. */
  workerBytes: number;
}

/** The backward pass computes two products for each of the forward pass. */
const passes = 3;
const weightCopies = 4;
/** Of a worker that has computed a leaf of next to nothing. */
const idleBytes = 490e6;

interface Photos {
  samples: readonly { width: number; height: number }[];
  numClasses: number;
}

/** Throws a UserError where the model can't compute the photos. `null` where there are none. */
export function trainingCost(config: Config, { samples, numClasses }: Photos): TrainingCost | null {
  const { data, engine, train } = config;
  const model = modelOf(config.model, { inChannels: data.channels, numClasses });
  const limits = sideLimits(model);
  const sizes = samples.map((sample) => trainingSizeOf(data, sample, limits));
  if (sizes.length === 0) return null;
  const { width, height } = sizes.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));
  const numImages = Math.min(leafSizeOf(train), sizes.length);
  const graph = graphOf(model);
  const { multiplyAdds, trainingBytes: mapBytes } = costOf(
    graph,
    { width, height, numImages },
    engine.precision,
  );
  const { numParameters } = tensorsOf(graph);
  const vectorBytes = numParameters * Float32Array.BYTES_PER_ELEMENT;
  // Convolutions in bf16 have a rounded copy.
  const roundedBytes = engine.precision === 'bf16' ? numParameters * bytesPerValue.bf16 : 0;
  const weightBytes = weightCopies * vectorBytes + roundedBytes;
  const slots = optimizers[train.optimizer].slots(train).filter((slot) => slot !== null);
  return {
    model: modelTitle(model),
    numParameters,
    leaf: { numImages, width, height },
    multiplyAddsPerPhoto: passes * multiplyAdds,
    mapBytes,
    weightBytes,
    optimizerBytes: slots.length * vectorBytes,
    workerBytes: idleBytes + weightBytes + mapBytes,
  };
}

/** Photos of the largest leaf that a worker can compute with so much memory; 0: none. */
export function largestLeaf({ leaf, mapBytes, workerBytes }: TrainingCost, freeBytes: number): number {
  const left = freeBytes - (workerBytes - mapBytes);
  return Math.max(0, Math.floor((left * leaf.numImages) / mapBytes));
}

/** A sentence with a remedy where workers on this machine's processor need more than is free; null where they fit. */
export function memoryLack(cost: TrainingCost, numWorkers: number, freeBytes: number): string | null {
  if (cost.workerBytes * numWorkers <= freeBytes) return null;
  const { numImages, width, height } = cost.leaf;
  const fitting = largestLeaf(cost, freeBytes / numWorkers);
  const remedies = [
    ...(fitting > 0 ? [`--leaf-size ${fitting}`] : []),
    ...(numWorkers > 1 ? ['fewer --workers'] : []),
    'a smaller --size or --base-width',
  ];
  return `on the processor ${counted(numWorkers, 'worker')} with leaves of ${counted(numImages, 'photo')} of ${width}x${height} would need about ${bytes(cost.workerBytes * numWorkers)}, more than the ${bytes(freeBytes)} that are free here: use ${remedies.join(', or ')}`;
}
