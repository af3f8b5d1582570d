/** Builds a graph node by node, and writes down the parameters that each kind of node has. */
import { UserError } from '../errors.ts';
import type { GraphNode, Initial, LayerGraph, NodeId, TensorDeclaration, TensorKind } from './graph.ts';

/** How weights of convolutions begin. Their biases follow PyTorch's default for `torchDefault`, and are 0 else. */
export type ConvInitial = 'torchDefault' | { heNormal: { slope: number } };

export interface ConvOptions {
  kernel?: number;
  stride?: number;
  dilation?: number;
  hasBias?: boolean;
}

export type NormKind = 'batch' | 'instance' | 'group';

const none = { parameters: [], statistics: [] } as const;

export class GraphBuilder {
  readonly #nodes: GraphNode[] = [];
  readonly #convInitial: ConvInitial;

  constructor(convInitial: ConvInitial) {
    this.#convInitial = convInitial;
  }

  channelsOf(id: NodeId): number {
    return this.#nodes[id]!.numChannels;
  }

  input(numChannels: number): NodeId {
    return this.#push({ kind: 'input', inputs: [], numChannels, ...none });
  }

  conv(x: NodeId, name: string, numOut: number, options: ConvOptions = {}): NodeId {
    const { kernel = 3, stride = 1, dilation = 1, hasBias = false } = options;
    if (kernel % 2 === 0) throw new RangeError(`${name} has a kernel of ${kernel}, which has no middle`);
    const numIn = this.channelsOf(x);
    const fanIn = numIn * kernel * kernel;
    const weight = this.#kernel('conv', name, fanIn, {
      torchShape: [numOut, numIn, kernel, kernel],
      engineShape: [kernel, kernel, numIn, numOut],
    });
    const parameters = hasBias ? [weight, this.#bias(name, numOut, fanIn)] : [weight];
    const shape = { kernel, stride, dilation, hasBias };
    return this.#push({
      kind: 'conv',
      inputs: [x],
      numChannels: numOut,
      parameters,
      statistics: [],
      ...shape,
    });
  }

  transposedConv(x: NodeId, name: string, numOut: number, { hasBias = true } = {}): NodeId {
    const numIn = this.channelsOf(x);
    // PyTorch takes the fan from dimension 1 of the weight, which is the output's here.
    const fanIn = numOut * 2 * 2;
    const weight = this.#kernel('transposedConv', name, fanIn, {
      torchShape: [numIn, numOut, 2, 2],
      engineShape: [2, 2, numOut, numIn],
    });
    const parameters = hasBias ? [weight, this.#bias(name, numOut, fanIn)] : [weight];
    return this.#push({
      kind: 'transposedConv',
      inputs: [x],
      numChannels: numOut,
      parameters,
      statistics: [],
      hasBias,
    });
  }

  /** `scale`: what the norm's scale begins with. */
  norm(x: NodeId, name: string, kind: NormKind, { scale = 1, numGroups = 8 } = {}): NodeId {
    const numChannels = this.channelsOf(x);
    const parameters = [
      vector(`${name}.weight`, 'normScale', numChannels, { kind: 'constant', value: scale }),
      vector(`${name}.bias`, 'normShift', numChannels, { kind: 'constant', value: 0 }),
    ];
    if (kind !== 'batch') {
      const groups = kind === 'instance' ? numChannels : numGroups;
      if (numChannels % groups !== 0) {
        throw new UserError(
          `--norm group makes ${groups} groups of the ${numChannels} channels of ${name}, which do not come out even: use a --base-width that is a multiple of ${groups}`,
        );
      }
      return this.#push({
        kind: 'groupNorm',
        inputs: [x],
        numChannels,
        parameters,
        statistics: [],
        numGroups: groups,
      });
    }
    const statistics = [
      vector(`${name}.running_mean`, 'runningMean', numChannels, { kind: 'constant', value: 0 }),
      vector(`${name}.running_var`, 'runningVariance', numChannels, { kind: 'constant', value: 1 }),
    ];
    return this.#push({ kind: 'batchNorm', inputs: [x], numChannels, parameters, statistics });
  }

  relu(x: NodeId, slope = 0): NodeId {
    return this.#push({ kind: 'relu', inputs: [x], numChannels: this.channelsOf(x), ...none, slope });
  }

  maxPool(x: NodeId): NodeId {
    return this.#push({ kind: 'maxPool', inputs: [x], numChannels: this.channelsOf(x), ...none });
  }

  averagePool(x: NodeId): NodeId {
    return this.#push({ kind: 'averagePool', inputs: [x], numChannels: this.channelsOf(x), ...none });
  }

  bilinear(x: NodeId): NodeId {
    return this.#push({ kind: 'bilinear', inputs: [x], numChannels: this.channelsOf(x), ...none });
  }

  padTo(x: NodeId, like: NodeId): NodeId {
    return this.#push({ kind: 'padTo', inputs: [x, like], numChannels: this.channelsOf(x), ...none });
  }

  concat(...inputs: NodeId[]): NodeId {
    const numChannels = inputs.reduce((sum, id) => sum + this.channelsOf(id), 0);
    return this.#push({ kind: 'concat', inputs, numChannels, ...none });
  }

  add(a: NodeId, b: NodeId): NodeId {
    const numChannels = this.channelsOf(a);
    if (this.channelsOf(b) !== numChannels) throw new RangeError('maps of different channels are added');
    return this.#push({ kind: 'add', inputs: [a, b], numChannels, ...none });
  }

  graph(output: NodeId, deepOutputs: readonly NodeId[] = []): LayerGraph {
    return { nodes: this.#nodes, output, deepOutputs };
  }

  #push(node: GraphNode): NodeId {
    this.#nodes.push(node);
    return this.#nodes.length - 1;
  }

  #kernel(
    kind: 'conv' | 'transposedConv',
    name: string,
    fanIn: number,
    shapes: { torchShape: number[]; engineShape: number[] },
  ): TensorDeclaration {
    return {
      name: `${name}.weight`,
      kind,
      ...shapes,
      fanIn,
      initial: kernelInitial(this.#convInitial, fanIn),
    };
  }

  #bias(name: string, length: number, fanIn: number): TensorDeclaration {
    const initial: Initial =
      this.#convInitial === 'torchDefault'
        ? kernelInitial('torchDefault', fanIn)
        : { kind: 'constant', value: 0 };
    return vector(`${name}.bias`, 'bias', length, initial, fanIn);
  }
}

/**
 * PyTorch's default, kaiming_uniform_ with a = sqrt(5), comes to U(±1/sqrt(fanIn)), for biases too; He et al., 2015, with
 * a leaky ReLU's slope is N(0, 2 / ((1 + slope²) fanIn)).
 */
function kernelInitial(initial: ConvInitial, fanIn: number): Initial {
  if (initial === 'torchDefault') return { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) };
  const { slope } = initial.heNormal;
  return { kind: 'normal', deviation: Math.sqrt(2 / (1 + slope * slope)) / Math.sqrt(fanIn) };
}

const vector = (
  name: string,
  kind: TensorKind,
  length: number,
  initial: Initial,
  fanIn = 0,
): TensorDeclaration => ({ name, kind, torchShape: [length], engineShape: [length], fanIn, initial });
