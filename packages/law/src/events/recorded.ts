/**
 * Lines of metrics.jsonl as events. Another version, a person or half a copy may have left anything there: what is no
 * event of a run is passed over, and what people read is made printable.
 */
import { type Moment, resumedMoment } from '../course/moments.ts';
import { printable } from '../printable.ts';
import { type EventType, type RecordedEvent, type RunEvent, runEvents } from './events.ts';
import { object } from './fields.ts';

const maxTextLength = 2_000;

type Line = Record<string, unknown>;

const kindOf = (type: unknown) =>
  typeof type === 'string' && Object.hasOwn(runEvents, type) ? runEvents[type as EventType] : undefined;

/** Whether a run's folder keeps it. */
export const isRecorded = ({ type }: RunEvent): boolean => runEvents[type].isRecorded;

/** The event, or null when the line is none. */
export function eventOf(line: unknown): RecordedEvent | null {
  if (typeof line !== 'object' || line === null) return null;
  const { at, ...fields } = line as Line;
  const kind = kindOf(fields.type);
  if (!kind || typeof at !== 'string' || Number.isNaN(Date.parse(at))) return null;
  if (!object(kind.fields)(line)) return null;
  return shown({ ...fields, ...timingsOf(fields), at: new Date(at).toISOString() }) as RecordedEvent;
}

/** What was called broadcastMs in files of older versions has the name that it has everywhere. */
function timingsOf({ timings }: Line): { timings?: Line } {
  if (timings === undefined) return {};
  const { broadcastMs, ...rest } = timings as Line;
  return { timings: broadcastMs === undefined ? rest : { fetchMs: broadcastMs, ...rest } };
}

/** Every text in it as people may see it. */
function shown(value: unknown): unknown {
  if (typeof value === 'string') return printable(value, maxTextLength);
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, shown(part)]));
}

/**
 * Whether a line stands in a run that goes on from `reached`, which does not tell it again. Lines that are no event
 * stand: nobody knows what they are of.
 */
export function stands(line: unknown, reached: Moment): boolean {
  const { type, ...fields } = { ...(line as Line | null) };
  const moment = kindOf(type)?.moment as ((line: Line) => Moment) | null | undefined;
  return !moment || !(moment(fields) > reached);
}

/**
 * Of events in the order in which they were recorded, those that no later start of the coordinator has told again: older
 * versions left these in the file. `events` is gone through twice.
 */
export function* standingEvents<E extends RecordedEvent>(events: () => Iterable<E>): Generator<E> {
  // From each start on, how far back the later ones go.
  const reached: Moment[] = [];
  for (const event of events()) {
    if (event.type === 'run-started') reached.push(resumedMoment(event.numStepsDone));
  }
  for (let start = reached.length - 2; start >= 0; start--) {
    reached[start] = Math.min(reached[start]!, reached[start + 1]!);
  }
  let numStarts = 0;
  for (const event of events()) {
    if (event.type === 'run-started') numStarts++;
    if (stands(event, reached[numStarts] ?? Number.POSITIVE_INFINITY)) yield event;
  }
}
