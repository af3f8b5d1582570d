/** The events that a run has recorded, one after another: what of metrics.jsonl can be read. */
import { linesOf } from '@unet-fleet/coordinator/run-folder/json-lines';
import { eventOf, type TimedEvent } from '../history/index.ts';

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
