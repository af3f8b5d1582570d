/**
 * nnU-Net's residual encoder U-Net in two dimensions (Isensee et al., "nnU-Net Revisited", 2024; ResidualEncoderUNet of
 * dynamic_network_architectures), with its names: residual blocks on the way down, whose first conv of a stage has stride
 * 2; transposed convolutions and one conv a stage on the way up; leaky ReLUs; He's initialisation, the last norm of a
 * block beginning at 0. Each stage up has a head of its own; that of the full size gives the logits.
 */
import type { ArchitectureOptions } from '../architecture-options.ts';
import type { LayerGraph } from '../graph.ts';
import { graphBuilder } from '../graph-builder.ts';
import type { NodeId } from '../node.ts';

/** Of the stages, highest first; the deepest repeat the last. */
const numBlocks = [1, 3, 4, 6] as const;
/** Wider stages gain little in two dimensions. */
const maxWidth = 512;
const slope = 0.01;

export function residualEncoder({
  inChannels,
  numClasses,
  baseWidth,
  depth,
  norm,
  dropout,
}: ArchitectureOptions): LayerGraph {
  const graph = graphBuilder({ heNormal: { slope } });
  const width = (stage: number) => Math.min(baseWidth * 2 ** stage, maxWidth);

  const convNorm = (
    x: NodeId,
    name: string,
    numOut: number,
    { kernel = 3, stride = 1, hasBias = true, scale = 1, rate = 0 } = {},
  ): NodeId => {
    const z = graph.conv(x, `${name}.conv`, numOut, { kernel, stride, hasBias });
    return graph.norm(graph.dropout(z, `${name}.dropout`, rate), `${name}.norm`, norm, { scale });
  };
  /** The `dropout_op` is theirs alone. */
  const convNormRelu = (x: NodeId, name: string, numOut: number, stride = 1): NodeId =>
    graph.leakyRelu(convNorm(x, name, numOut, { stride, rate: dropout }), slope);

  const block = (x: NodeId, name: string, numOut: number, stride: number): NodeId => {
    const middle = convNormRelu(x, `${name}.conv1`, numOut, stride);
    const y = convNorm(middle, `${name}.conv2`, numOut, { scale: 0 });
    let residual = stride === 1 ? x : graph.averagePool(x);
    if (graph.channelsOf(x) !== numOut) {
      // In the Sequential the projection comes after the pool.
      const index = stride === 1 ? 0 : 1;
      residual = convNorm(residual, `${name}.skip.${index}`, numOut, { kernel: 1, hasBias: false });
    }
    return graph.leakyRelu(graph.add(y, residual), slope);
  };

  let x = convNormRelu(graph.input(inChannels), 'encoder.stem.convs.0', width(0));
  const skips: NodeId[] = [];
  for (let stage = 0; stage <= depth; stage++) {
    const count = numBlocks[Math.min(stage, numBlocks.length - 1)]!;
    for (let index = 0; index < count; index++) {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      x = block(x, `encoder.stages.${stage}.blocks.${index}`, width(stage), stride);
    }
    skips.push(x);
  }
  let y = skips.pop()!;
  const heads: NodeId[] = [];
  for (let up = 0; up < depth; up++) {
    const skip = skips.pop()!;
    const numOut = graph.channelsOf(skip);
    const upsampled = graph.transposedConv(y, `decoder.transpconvs.${up}`, numOut);
    y = convNormRelu(graph.concat(upsampled, skip), `decoder.stages.${up}.convs.0`, numOut);
    heads.push(graph.conv(y, `decoder.seg_layers.${up}`, numClasses, { kernel: 1, hasBias: true }));
  }
  return graph.graph(heads.pop()!, heads.reverse());
}
