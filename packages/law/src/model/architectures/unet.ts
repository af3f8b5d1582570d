/**
 * The classic U-Net in the form of milesial/Pytorch-UNet, with the order and names of its state dict, so that its users'
 * weights fit and ours fit theirs: Ronneberger et al., 2015, with padding 1, and batch norm unless another is asked for.
 * Four levels below the first by default; with others the names go on counting.
 */
import type { ArchitectureOptions } from '../architecture-options.ts';
import type { LayerGraph } from '../graph.ts';
import { graphBuilder } from '../graph-builder.ts';
import type { NodeId } from '../node.ts';

export function unet(config: ArchitectureOptions): LayerGraph {
  const { inChannels, numClasses, baseWidth, depth, upsampling, norm, dropout } = config;
  const graph = graphBuilder('torchDefault');
  const isBilinear = upsampling === 'bilinear';
  // Bilinear up-sampling does not halve the channels, so the lowest level has half as many.
  const factor = isBilinear ? 2 : 1;
  const width = (level: number) => baseWidth * 2 ** level;

  const doubleConv = (x: NodeId, name: string, numMiddle: number, numOut: number): NodeId => {
    const half = (input: NodeId, first: number, numChannels: number) => {
      const z = graph.conv(input, `${name}.double_conv.${first}`, numChannels);
      return graph.relu(graph.norm(z, `${name}.double_conv.${first + 1}`, norm));
    };
    return half(half(x, 0, numMiddle), 3, numOut);
  };

  const skips = [doubleConv(graph.input(inChannels), 'inc', width(0), width(0))];
  for (let level = 1; level <= depth; level++) {
    const numOut = level === depth ? width(level) / factor : width(level);
    skips.push(doubleConv(graph.maxPool(skips.at(-1)!), `down${level}.maxpool_conv.1`, numOut, numOut));
  }
  // Ronneberger et al.: at the end of the contracting path. No norm follows, which would shift with what is dropped.
  let y = graph.dropout(skips.pop()!, `down${depth}.dropout`, dropout);
  for (let up = 1; up <= depth; up++) {
    const skip = skips.pop()!;
    const numIn = width(depth + 1 - up);
    const numOut = up === depth ? width(0) : width(depth - up) / factor;
    const upsampled = isBilinear ? graph.bilinear(y) : graph.transposedConv(y, `up${up}.up`, numIn / 2);
    const joined = graph.concat(skip, graph.padTo(upsampled, skip));
    y = doubleConv(joined, `up${up}.conv`, isBilinear ? numIn / 2 : numOut, numOut);
  }
  return graph.graph(graph.conv(y, 'outc.conv', numClasses, { kernel: 1, hasBias: true }));
}
