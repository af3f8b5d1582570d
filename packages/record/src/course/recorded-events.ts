/** The events that a run has recorded, one after another: what of metrics.jsonl can be read. */
import { eventOf, type RecordedEvent, standingEvents } from '@unet-fleet/law';
import { linesOf } from '../run-folder/json-lines.ts';

/** In bounded memory; a missing file has none, and lines that are no event are passed over. */
export function* eventsIn(path: string): Generator<RecordedEvent> {
  for (const { value } of linesOf(path)) {
    const event = eventOf(value);
    if (event) yield event;
  }
}

/** The same without what a later start of the coordinator has told again. Reads the file twice, in bounded memory. */
export const standingEventsIn = (path: string): Generator<RecordedEvent> =>
  standingEvents(() => eventsIn(path));
