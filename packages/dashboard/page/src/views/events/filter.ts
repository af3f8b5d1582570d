/** Which events and log lines are shown, and what is said of new ones. Pure; every list is bounded. */

import type { LogLine, ShownEvent } from '../../../../src/protocol.ts';
import { maxEvents } from '../../live/history.ts';

export interface EventFilter {
  /** '' shows all. */
  type: string;
  onlyWarnings: boolean;
  /** All of its words must occur. */
  text: string;
}

/** Newest first. */
export function filterEvents(events: readonly ShownEvent[], filter: EventFilter): ShownEvent[] {
  const words = wordsOf(filter.text);
  return events
    .slice(-maxEvents)
    .filter(
      ({ type, level, text, step }) =>
        (filter.type === '' || type === filter.type) &&
        (!filter.onlyWarnings || level === 'warn') &&
        hasWords(`${type} ${text} ${step === null ? '' : `step ${step}`}`, words),
    )
    .reverse();
}

/** Types that occur, with how often, by name. */
export function typesOf(events: readonly ShownEvent[]): { type: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { type } of events) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts]
    .map(([type, count]) => ({ type, count }))
    .sort((left, right) => (left.type < right.type ? -1 : 1));
}

/** What a screen reader is told of events since `lastId`: warnings before the rest, one sentence; '' for nothing. */
export function announcement(events: readonly ShownEvent[], lastId: number): string {
  const fresh = events.filter(({ id }) => id > lastId);
  const newest = fresh.findLast(({ level }) => level === 'warn') ?? fresh.at(-1);
  if (newest === undefined) return '';
  return fresh.length === 1 ? newest.text : `${fresh.length} new events, among them: ${newest.text}`;
}

export const logLevels: readonly LogLine['level'][] = ['trace', 'debug', 'info', 'warn', 'error'];

/** Lines of at least this level with all words, newest first. */
export function filterLog(lines: readonly LogLine[], least: LogLine['level'], text: string): LogLine[] {
  const words = wordsOf(text);
  const from = logLevels.indexOf(least);
  return lines
    .filter((line) => logLevels.indexOf(line.level) >= from && hasWords(line.text, words))
    .reverse();
}

const wordsOf = (text: string): string[] => text.toLowerCase().split(/\s+/).filter(Boolean);

function hasWords(text: string, words: readonly string[]): boolean {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}
