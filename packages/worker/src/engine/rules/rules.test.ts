/** Each kind of layer alone against PyTorch's numbers in float64, and nnU-Net's residual encoder as a whole. */
import {
  describeModel,
  fromTorchLayout,
  type GraphBuilder,
  graphBuilder,
  graphOf,
  type NodeId,
  tensorsOf,
  toTorchLayout,
} from '@unet-fleet/law';
import { describe, expect, it, test } from 'vitest';
import {
  fixtureParameters,
  leafOf,
  readNodes,
  readResidual,
} from '../../../../../test/fixtures/model/read.ts';
import { loadBinding } from '../binding.ts';
import { Network } from '../network.ts';
import { Parameters } from '../parameters.ts';
import { type Tensor, TensorFlow } from '../tensorflow.ts';
import { createEngine } from '../tensorflow-engine.ts';
import { ruleOf } from './index.ts';

const tf = new TensorFlow(loadBinding({ device: 'cpu', intraOpThreads: 1 }));

/** Largest difference, relative to the largest value that is expected. */
function differenceOf(actual: Float32Array, expected: Float32Array): number {
  let largest = 0;
  let difference = 0;
  expect(actual).toHaveLength(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(actual[i])) return Number.NaN;
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return difference / largest;
}

describe('a layer alone', () => {
  const place = { seed: 0, version: 0, firstImage: 0 };
  const { values, shapeOf } = readNodes();
  const layers: [string, (graph: GraphBuilder, x: NodeId) => NodeId][] = [
    ['conv of stride 2', (graph, x) => graph.conv(x, 'n', 4, { stride: 2, hasBias: true })],
    ['conv of stride 2, odd sides', (graph, x) => graph.conv(x, 'n', 4, { stride: 2, hasBias: true })],
    ['conv of 5x5', (graph, x) => graph.conv(x, 'n', 4, { kernel: 5, hasBias: true })],
    ['conv of 7x7, stride 2', (graph, x) => graph.conv(x, 'n', 4, { kernel: 7, stride: 2, hasBias: true })],
    ['conv of dilation 2', (graph, x) => graph.conv(x, 'n', 4, { dilation: 2, hasBias: true })],
    ['conv of 1x1, stride 2', (graph, x) => graph.conv(x, 'n', 4, { kernel: 1, stride: 2, hasBias: true })],
    ['average pool', (graph, x) => graph.averagePool(x)],
    ['group norm', (graph, x) => graph.norm(x, 'n', 'group', { numGroups: 2 })],
    ['instance norm', (graph, x) => graph.norm(x, 'n', 'instance')],
    ['leaky relu', (graph, x) => graph.leakyRelu(x, 0.01)],
  ];
  test.each(layers)("%s has PyTorch's output and gradients, and leaves no tensor behind", (name, add) => {
    const builder = graphBuilder('torchDefault');
    const shape = shapeOf(`${name}/x`);
    const id = add(builder, builder.input(shape[3]!));
    const graph = builder.graph(id);
    const node = graph.nodes[id]!;
    const tensors = tensorsOf(graph);
    const parameters = new Parameters(tf, tensors, 'float32');
    const flat = new Float32Array(tensors.numParameters);
    for (const spec of tensors.parameters) {
      flat.set(fromTorchLayout(spec, values(`${name}/${spec.name.slice(2)}`)), spec.offset);
    }
    parameters.set(flat, new Float32Array(tensors.numStatistics));
    const image = (what: string): Tensor => tf.tensor(shapeOf(`${name}/${what}`), values(`${name}/${what}`));

    const [x, gradient] = [image('x'), image('gradient')];
    // Constants (paddings, sizes) are made once and kept.
    const compute = () => {
      const given = new Map<string, Float32Array>();
      const sink = {
        gradient: (key: string, ...parts: Float32Array[]) => {
          given.set(key, Float32Array.from(parts.flatMap((part) => [...part])));
        },
        statistic: () => {},
      };
      const context = { tf, parameters, precision: 'float32' as const };
      const rule = ruleOf(node);
      const inferred = rule.infer(context, node, [x]);
      expect(differenceOf(tf.read(inferred), values(`${name}/y`))).toBeLessThan(1e-5);
      const { y, kept } = rule.forward(context, node, [x], { place, sink });
      expect(differenceOf(tf.read(y), values(`${name}/y`))).toBeLessThan(1e-5);
      const on = { inputs: [x], y, kept, gradient, needsInput: [true], sink };
      const [ofX] = rule.backward(context, node, on);
      expect(differenceOf(tf.read(ofX!), values(`${name}/x gradient`))).toBeLessThan(1e-5);
      for (const spec of tensors.parameters) {
        const actual = toTorchLayout(spec, given.get(spec.name)!);
        expect(
          differenceOf(actual, values(`${name}/${spec.name.slice(2)} gradient`)),
          spec.name,
        ).toBeLessThan(1e-5);
      }
      tf.free(inferred, y, ofX!);
    };
    compute();
    const numTensors = tf.numTensors;
    compute();
    expect(tf.numTensors).toBe(numTensors);
    tf.free(x, gradient);
    parameters.free();
  });
});

describe("nnU-Net's residual encoder", () => {
  const fixture = readResidual();
  const description = describeModel(fixture.model);
  const parameters = fixtureParameters(description, fixture.seed, 'varied');

  it.each(fixture.counts)('has as many parameters: %j', ({ numParameters, ...sizes }) => {
    expect(describeModel({ ...fixture.model, ...sizes }).numParameters).toBe(numParameters);
  });

  it('has its logits', () => {
    const weights = new Parameters(tf, description, 'float32');
    weights.set(parameters, new Float32Array(0));
    const network = new Network({ tf, parameters: weights, precision: 'float32' }, graphOf(fixture.model));
    const { numImages, height, width, images } = leafOf(fixture);
    const x = tf.tensor([numImages, height, width, 3], images);
    const logits = network.infer(x);
    expect(differenceOf(tf.read(logits), fixture.logits)).toBeLessThan(1e-5);
    tf.free(logits, x);
    weights.free();
  });

  it('has its loss and gradients, those of heads without a part in the output being 0', () => {
    const engine = createEngine({
      model: fixture.model,
      device: 'cpu',
      intraOpThreads: 1,
      precision: 'float32',
      ignoreIndex: -1,
      classWeights: null,
      loss: 'cross-entropy',
    });
    engine.setWeights(parameters, new Float32Array(0));
    const gradients = new Float32Array(description.numParameters).fill(Number.NaN);
    const told: number[] = [];
    const { lossSum } = engine.trainLeaf(leafOf(fixture), gradients, new Float32Array(0), (index) => {
      told.push(index);
    });
    expect(Math.abs(lossSum / fixture.lossSum - 1)).toBeLessThan(1e-6);
    expect(told.toSorted((a, b) => a - b)).toEqual([...description.parameters.keys()]);
    const unused = /^decoder\.seg_layers\.0\./;
    for (const spec of description.parameters) {
      const values = gradients.slice(spec.offset, spec.offset + spec.size);
      if (unused.test(spec.name)) expect(values.every((value) => value === 0)).toBe(true);
      // A bias before a norm has none but rounding's.
      else if (!/\.conv\.bias$/.test(spec.name)) {
        expect(differenceOf(toTorchLayout(spec, values), fixture.gradient(spec)), spec.name).toBeLessThan(
          2e-4,
        );
      }
    }
    engine.dispose();
  });
});
