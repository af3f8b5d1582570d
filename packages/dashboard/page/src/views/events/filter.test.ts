import { expect, test } from 'vitest';
import type { LogLine, ShownEvent } from '../../../../src/protocol.ts';
import { maxEvents } from '../../live/history.ts';
import { announcement, filterEvents, filterLog, typesOf } from './filter.ts';

const event = (id: number, changes: Partial<ShownEvent> = {}): ShownEvent => ({
  id,
  at: '2026-01-01T00:00:00.000Z',
  type: 'checkpoint',
  level: 'info',
  step: id,
  text: `checkpoint of step ${id}`,
  ...changes,
});
const all = { type: '', onlyWarnings: false, text: '' };
const idsOf = (events: ShownEvent[]) => events.map(({ id }) => id);

test('shows the newest first and no more than it keeps', () => {
  expect(idsOf(filterEvents([event(1), event(2)], all))).toEqual([2, 1]);
  const many = Array.from({ length: maxEvents + 5 }, (_, id) => event(id));
  expect(filterEvents(many, all)).toHaveLength(maxEvents);
});

test('filters by type, level and all words', () => {
  const events = [
    event(1, { type: 'worker-left', level: 'warn', text: 'Worker A-1 left: killed' }),
    event(2),
    event(3, { type: 'worker-left', text: 'worker b-2 left: drained' }),
  ];
  expect(idsOf(filterEvents(events, { ...all, type: 'worker-left' }))).toEqual([3, 1]);
  expect(idsOf(filterEvents(events, { ...all, onlyWarnings: true }))).toEqual([1]);
  expect(idsOf(filterEvents(events, { ...all, text: 'left  WORKER a' }))).toEqual([3, 1]);
  expect(idsOf(filterEvents(events, { ...all, text: 'killed' }))).toEqual([1]);
  expect(idsOf(filterEvents(events, { ...all, text: 'step 3' }))).toEqual([3]);
  expect(typesOf(events)).toEqual([
    { type: 'checkpoint', count: 1 },
    { type: 'worker-left', count: 2 },
  ]);
});

test('tells of what is new once, warnings before the rest', () => {
  const events = [event(1), event(2, { level: 'warn', text: 'Lost w.' }), event(3)];
  expect(announcement(events, 3)).toBe('');
  expect(announcement(events, 2)).toBe('checkpoint of step 3');
  expect(announcement(events, 0)).toBe('3 new events, among them: Lost w.');
});

test('filters the log by least level and text', () => {
  const line = (level: LogLine['level'], text: string): LogLine => ({ at: '', level, text });
  const lines = [line('debug', 'lease sent'), line('warn', 'lease late'), line('error', 'boom')];
  expect(filterLog(lines, 'info', '').map(({ text }) => text)).toEqual(['boom', 'lease late']);
  expect(filterLog(lines, 'trace', 'LEASE').map(({ level }) => level)).toEqual(['warn', 'debug']);
});
