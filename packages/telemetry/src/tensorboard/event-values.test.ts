import { expect, test } from 'vitest';
import { stepValues, validatedValues } from './event-values.ts';
import type { WrittenEvent } from './protocol.ts';

type EventOf<T extends WrittenEvent['type']> = Extract<WrittenEvent, { type: T }>;

test('where nothing counted there is no point, and of a validation then nothing at all', () => {
  const step = { type: 'step', loss: 0.5, learningRate: 0.1, gradientNorm: 0, stepMs: 9, numImages: 1 };
  const withLoss = stepValues(step as EventOf<'step'>);
  expect(stepValues({ ...step, loss: null } as EventOf<'step'>)).toEqual(withLoss.slice(1));
  const none = { type: 'validated', loss: null, meanIou: null, pixelAccuracy: null, classIou: [null, null] };
  expect(validatedValues(none as EventOf<'validated'>, ['a', 'b'])).toEqual([]);
});
