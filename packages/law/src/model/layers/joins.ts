/** Nodes that bring maps together. */
import type { NodeId } from '../node.ts';
import { type BuildContext, layer } from './layer.ts';

const equal = ([first, second]: readonly number[]) => (first === second ? first! : null);

/** Zeros around the first input up to the height and width of the second: half of them, rounded down, above and left. */
export const padTo = layer({
  build: ({ channelsOf }: BuildContext, x: NodeId, to: NodeId) => ({
    inputs: [x, to],
    numChannels: channelsOf(x),
  }),
  sideAfter: ([side, to]) => (to! >= side! ? to! : null),
});

/** Channels of the inputs, one after another. */
export const concat = layer({
  build: ({ channelsOf }: BuildContext, ...inputs: NodeId[]) => ({
    inputs,
    numChannels: inputs.reduce((sum, id) => sum + channelsOf(id), 0),
  }),
  sideAfter: equal,
});

export const add = layer({
  build({ channelsOf }: BuildContext, a: NodeId, b: NodeId) {
    const numChannels = channelsOf(a);
    if (channelsOf(b) !== numChannels) throw new RangeError('maps of different channels are added');
    return { inputs: [a, b], numChannels };
  },
  sideAfter: equal,
});
