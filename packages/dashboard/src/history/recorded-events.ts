/** The events that a run has recorded, one after another: what of metrics.jsonl can be read. */
import { linesOf } from '@unet-fleet/record';
import { eventOf } from './check-event.ts';
import type { TimedEvent } from './record.ts';

export type Recorded<Type extends TimedEvent['type']> = Extract<TimedEvent, { type: Type }>;

export interface EventReader {
  /** Lines that are no JSON object, such as one that was cut. */
  numDamaged: number;
}

/** In bounded memory; a missing file has none, and lines that are no event are passed over. */
export function* eventsIn(path: string, reader: EventReader = { numDamaged: 0 }): Generator<TimedEvent> {
  for (const { value } of linesOf(path)) {
    if (value === undefined) reader.numDamaged++;
    const event = eventOf(value);
    if (event) yield event;
  }
}

/** JSON has no NaN: the figures of a run that diverged are null there, whatever their type says. */
export const finite = (value: number | null | undefined): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

/**
 * The same without steps and validations that a later start of the coordinator has computed again, so that each is there
 * once. Reads the file twice, in bounded memory.
 */
export function* standingEventsIn(path: string): Generator<TimedEvent> {
  const starts: number[] = [];
  for (const event of eventsIn(path)) if (event.type === 'run-started') starts.push(event.numStepsDone);
  // Of each start, the last step that no later one has computed again.
  const lastSteps = starts.map(() => Number.POSITIVE_INFINITY);
  for (let start = starts.length - 2; start >= 0; start--) {
    lastSteps[start] = Math.min(starts[start + 1]!, lastSteps[start + 1]!);
  }
  let start = -1;
  for (const event of eventsIn(path)) {
    if (event.type === 'run-started') start++;
    const isComputed = event.type === 'step' || event.type === 'validated';
    if (isComputed && event.step > (lastSteps[Math.max(0, start)] ?? Number.POSITIVE_INFINITY)) continue;
    yield event;
  }
}
