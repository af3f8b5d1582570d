import { expect, test } from 'vitest';
import type { Status } from '../../../src/protocol.ts';
import { momentText, scoreText, stateText } from './head-text.ts';

const status = (rest: Partial<Status>) =>
  ({ state: 'training', isPaused: false, stopsAfterEpoch: false, ...rest }) as Status;

test('the state, with what is still to come of it', () => {
  expect(stateText(status({}))).toBe('Training');
  expect(stateText(status({ isPaused: true }))).toBe('Training, then it pauses');
  expect(stateText(status({ state: 'paused', isPaused: true }))).toBe('Paused');
  expect(stateText(status({ stopsAfterEpoch: true }))).toBe('Training, until this epoch ends');
  expect(stateText(status({ state: 'over', stopsAfterEpoch: true }))).toBe('The run is over');
  expect(stateText(status({ state: 'dreaming' }))).toBe('dreaming');
});

test('the best score', () => {
  expect(scoreText(null)).toBe('none yet');
  expect(scoreText({ loss: 0.1234, meanIou: 0.876, step: 1040 })).toBe(
    'loss 0.123, mean IoU 87.6 %, step 1,040',
  );
  expect(scoreText({ loss: 0.5, meanIou: null, step: null })).toBe('loss 0.500');
});

test('a moment has its parts in the order of their size', () => {
  expect(momentText(new Date(2026, 2, 1, 4, 5).toISOString())).toBe('2026-03-01 04:05');
  expect(momentText(null)).toBe('–');
  expect(momentText('yesterday')).toBe('–');
});
