/** What a training step would cost a worker, for `inspect`: from the model's graph and the data's sizes, before a run. */
import { trainingSizeOf } from '@unet-fleet/dataset';
import {
  bytes,
  type Config,
  costOf,
  counted,
  graphOf,
  leafSizeOf,
  modelOf,
  modelTitle,
  tensorsOf,
  whole,
} from '@unet-fleet/law';
import type { Memory } from './doctor-machine.ts';

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
}

/** The backward pass computes two products for each of the forward pass. */
const passes = 3;
const weightCopies = 4;

interface Photos {
  samples: readonly { width: number; height: number }[];
  numClasses: number;
}

/** Throws a UserError where the model can't compute the photos. `null` where there are none. */
export function trainingCost(config: Config, { samples, numClasses }: Photos): TrainingCost | null {
  const { data, train } = config;
  const sizes = samples.map((sample) => trainingSizeOf(data, sample));
  if (sizes.length === 0) return null;
  const { width, height } = sizes.reduce((a, b) => (b.width * b.height > a.width * a.height ? b : a));
  const model = modelOf(config.model, { inChannels: data.channels, numClasses });
  const numImages = leafSizeOf(train);
  const graph = graphOf(model);
  const { multiplyAdds, trainingBytes } = costOf(graph, { width, height, numImages });
  const { numParameters } = tensorsOf(graph);
  return {
    model: modelTitle(model),
    numParameters,
    leaf: { numImages, width, height },
    multiplyAddsPerPhoto: passes * multiplyAdds,
    mapBytes: trainingBytes,
    weightBytes: weightCopies * numParameters * Float32Array.BYTES_PER_ELEMENT,
  };
}

/** Two lines for a person; the second only where the machine at hand has less. */
export function costLines(cost: TrainingCost, { availableBytes }: Memory): string[] {
  const { leaf, mapBytes, weightBytes } = cost;
  const photos = `${counted(leaf.numImages, 'photo')} of ${leaf.width}x${leaf.height}`;
  const total = mapBytes + weightBytes;
  const first = `a worker: ${bytes(mapBytes)} of maps for a leaf of ${photos}, ${bytes(weightBytes)} of weights; ${billions(cost.multiplyAddsPerPhoto)} billion multiply-adds a photo`;
  if (total <= availableBytes) return [first];
  return [
    first,
    `that is more than the ${bytes(availableBytes)} that are free here: use a smaller --leaf-size, --size or --base-width, or workers with more memory`,
  ];
}

const billions = (n: number): string => (n < 1e10 ? (n / 1e9).toFixed(1) : whole(Math.round(n / 1e9)));
