import { expect, test } from 'vitest';
import type { Status } from '../../../src/protocol.ts';
import { durationText, scoreText, stateText } from './head-text.ts';

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

test('durations have two units at most', () => {
  expect([0, 59_400, 65_000, 3_725_000, 200_000_000].map(durationText)).toEqual([
    '0 s',
    '59 s',
    '1 min 5 s',
    '1 h 2 min',
    '2 d 7 h',
  ]);
});

test('the best score', () => {
  expect(scoreText(null)).toBe('none yet');
  expect(scoreText({ loss: 0.1234, meanIou: 0.876, step: 40 })).toBe('mean IoU 87.6 %, loss 0.123, step 40');
  expect(scoreText({ loss: null, meanIou: 0.5, step: null })).toBe('mean IoU 50.0 %');
});
