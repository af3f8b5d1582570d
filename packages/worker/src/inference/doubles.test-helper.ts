/** A model and an engine for the tests of inference: bright pixels are class 1, dark ones class 0. */
import type { DataConfig } from '@unet-fleet/law';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import type { InferenceEngine, TrainedModel } from './types.ts';

export const dataOf = (overrides: Partial<DataConfig> = {}): DataConfig => ({
  images: '',
  masks: '',
  imageSuffix: '',
  maskSuffix: '',
  matVariable: 'groundtruth',
  palette: '',
  classNames: '',
  numClasses: 0,
  maskValues: 'as-is',
  maskThreshold: 0,
  size: '32x16',
  scale: 1,
  channels: 3,
  valueRange: '0..255 of uint8',
  orientation: 'photo',
  ignoreIndex: 255,
  unpaired: 'warn',
  wrongMasks: 'stop',
  followLinks: false,
  maxPixels: 2 ** 27,
  split: 'auto',
  trainList: '',
  valList: '',
  validationShare: 0.1,
  ...overrides,
});

export const modelOf = (numClasses: number, data: DataConfig): TrainedModel => ({
  name: 'run, step 1',
  model: smallModel({ inChannels: data.channels, numClasses, baseWidth: 1, upsampling: 'bilinear' }),
  parameters: new Float32Array(0),
  statistics: new Float32Array(0),
  classNames: Array.from(
    { length: numClasses },
    (_, index) => ['null', '<b>hair</b>'][index] ?? `class ${index}`,
  ),
  data,
  classWeights: null,
  loss: 'cross-entropy',
  wire: 'float32',
});

/** Notes the sizes that it is asked for. */
export class BrightnessEngine implements InferenceEngine {
  readonly sizes: string[] = [];

  async setWeights(): Promise<void> {}

  async predict(batch: Parameters<InferenceEngine['predict']>[0]): Promise<Uint16Array> {
    const { numImages, width, height, images } = batch;
    this.sizes.push(`${numImages}x${width}x${height}`);
    const numPixels = numImages * width * height;
    const channels = images.length / numPixels;
    return Uint16Array.from({ length: numPixels }, (_, pixel) => Number(images[pixel * channels]! > 0.5));
  }

  async evaluateLeaf(...[batch, confusion]: Parameters<InferenceEngine['evaluateLeaf']>) {
    const predicted = await this.predict(batch);
    const numClasses = Math.sqrt(confusion.length);
    const sums = { lossSum: 0, weightSum: 0 };
    batch.labels.forEach((label, pixel) => {
      if (label >= numClasses) return;
      confusion[label * numClasses + predicted[pixel]!]!++;
      sums.lossSum += label === predicted[pixel] ? 0.5 : 2;
      sums.weightSum++;
    });
    return sums;
  }

  async close(): Promise<void> {}
}
