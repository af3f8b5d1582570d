/** Nodes that bring maps together: padding one to another's size, channels behind each other, sums. */
import type { Padding, Tensor } from '../tensorflow.ts';
import { plainRule, sharing } from './rule.ts';

export const padTo = plainRule<'padTo'>({
  forward({ tf }, _node, [x, like]) {
    const padding = paddingTo(x!.shape, like!.shape);
    return padding ? tf.pad(x!, padding) : sharing(tf, x!);
  },
  backward({ tf }, _node, { inputs: [x, like], gradient, needsInput }) {
    if (!needsInput[0]) return [null, null];
    const padding = paddingTo(x!.shape, like!.shape);
    if (!padding) return [sharing(tf, gradient), null];
    return [tf.slice(gradient, [0, padding.top, padding.left, 0], x!.shape), null];
  },
});

export const concat = plainRule<'concat'>({
  forward: ({ tf }, _node, inputs) => tf.concatChannels(...inputs),
  backward({ tf }, _node, { inputs, gradient, needsInput }) {
    let firstChannel = 0;
    return inputs.map(({ shape }, index) => {
      const begin = [0, 0, 0, firstChannel];
      firstChannel += shape[3]!;
      return needsInput[index] ? tf.slice(gradient, begin, shape) : null;
    });
  },
});

export const add = plainRule<'add'>({
  forward: ({ tf }, _node, [a, b]) => tf.add(a!, b!),
  backward: ({ tf }, _node, { gradient, needsInput }) =>
    needsInput.map((isNeeded): Tensor | null => (isNeeded ? sharing(tf, gradient) : null)),
});

/** Half of the missing rows and columns above and left, the rest below and right; null where none are missing. */
function paddingTo(from: readonly number[], to: readonly number[]): Padding | null {
  const missingRows = to[1]! - from[1]!;
  const missingColumns = to[2]! - from[2]!;
  if (missingRows === 0 && missingColumns === 0) return null;
  const top = Math.floor(missingRows / 2);
  const left = Math.floor(missingColumns / 2);
  return { top, bottom: missingRows - top, left, right: missingColumns - left };
}
