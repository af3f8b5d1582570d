/**
 * The U-Net as a list of tensors, in the order and with the names of milesial/Pytorch-UNet's state dict, so that its
 * users' weights fit and ours fit theirs. Architecture: Ronneberger et al., 2015, with batch norm and padding 1.
 */
import type { ModelConfig, ModelDescription, TensorSpec } from './types.ts';

class Layout {
  readonly parameters: TensorSpec[] = [];
  readonly statistics: TensorSpec[] = [];
  #numParameters = 0;
  #numStatistics = 0;

  parameter(spec: Omit<TensorSpec, 'offset' | 'size'>): void {
    this.parameters.push({ ...spec, offset: this.#numParameters, size: sizeOf(spec.torchShape) });
    this.#numParameters += sizeOf(spec.torchShape);
  }

  statistic(spec: Omit<TensorSpec, 'offset' | 'size'>): void {
    this.statistics.push({ ...spec, offset: this.#numStatistics, size: sizeOf(spec.torchShape) });
    this.#numStatistics += sizeOf(spec.torchShape);
  }

  conv(name: string, kernel: number, numIn: number, numOut: number, hasBias: boolean): void {
    const fanIn = numIn * kernel * kernel;
    this.parameter({
      name: `${name}.weight`,
      kind: 'conv',
      torchShape: [numOut, numIn, kernel, kernel],
      engineShape: [kernel, kernel, numIn, numOut],
      fanIn,
    });
    if (hasBias) this.vector(`${name}.bias`, 'bias', numOut, fanIn);
  }

  transposedConv(name: string, numIn: number, numOut: number): void {
    // PyTorch takes the fan from dimension 1 of the weight, which is the output's here.
    const fanIn = numOut * 2 * 2;
    this.parameter({
      name: `${name}.weight`,
      kind: 'transposedConv',
      torchShape: [numIn, numOut, 2, 2],
      engineShape: [2, 2, numOut, numIn],
      fanIn,
    });
    this.vector(`${name}.bias`, 'bias', numOut, fanIn);
  }

  batchNorm(name: string, numChannels: number): void {
    this.vector(`${name}.weight`, 'bnScale', numChannels, 0);
    this.vector(`${name}.bias`, 'bnShift', numChannels, 0);
    const shape = { torchShape: [numChannels], engineShape: [numChannels], fanIn: 0 };
    this.statistic({ name: `${name}.running_mean`, kind: 'bnMean', ...shape });
    this.statistic({ name: `${name}.running_var`, kind: 'bnVariance', ...shape });
  }

  doubleConv(name: string, numIn: number, numMiddle: number, numOut: number): void {
    this.conv(`${name}.double_conv.0`, 3, numIn, numMiddle, false);
    this.batchNorm(`${name}.double_conv.1`, numMiddle);
    this.conv(`${name}.double_conv.3`, 3, numMiddle, numOut, false);
    this.batchNorm(`${name}.double_conv.4`, numOut);
  }

  vector(name: string, kind: TensorSpec['kind'], length: number, fanIn: number): void {
    this.parameter({ name, kind, torchShape: [length], engineShape: [length], fanIn });
  }

  describe(config: ModelConfig): ModelDescription {
    return {
      config,
      parameters: this.parameters,
      numParameters: this.#numParameters,
      statistics: this.statistics,
      numStatistics: this.#numStatistics,
    };
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** All tensors of the model, each with its place in the flat vectors. */
export function describeModel(config: ModelConfig): ModelDescription {
  const { inChannels, numClasses, baseWidth, upsampling } = config;
  const isBilinear = upsampling === 'bilinear';
  // Bilinear up-sampling does not halve the channels, so the lowest level has half as many.
  const factor = isBilinear ? 2 : 1;
  const width = (level: number) => baseWidth * 2 ** level;
  const layout = new Layout();
  layout.doubleConv('inc', inChannels, width(0), width(0));
  for (let level = 1; level <= 4; level++) {
    const numOut = level === 4 ? width(4) / factor : width(level);
    layout.doubleConv(`down${level}.maxpool_conv.1`, width(level - 1), numOut, numOut);
  }
  for (let up = 1; up <= 4; up++) {
    const numIn = width(5 - up);
    const numOut = up === 4 ? width(0) : width(4 - up) / factor;
    if (!isBilinear) layout.transposedConv(`up${up}.up`, numIn, numIn / 2);
    layout.doubleConv(`up${up}.conv`, numIn, isBilinear ? numIn / 2 : numOut, numOut);
  }
  layout.conv('outc.conv', 1, width(0), numClasses, true);
  return layout.describe(config);
}
