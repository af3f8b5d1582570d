/** What happened, newest first, and the run's log; both filtered, both bounded. */
import { messageOf } from '@unet-fleet/law';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { LogLine, ShownEvent } from '../../../../src/protocol.ts';
import { BusyButton } from '../common/busy-button.tsx';
import { Check } from '../common/fields.tsx';
import './events.css';
import { announcement, type EventFilter, filterEvents, filterLog, logLevels, typesOf } from './filter.ts';

export interface EventsViewProps {
  events: readonly ShownEvent[];
  loadLog: () => Promise<LogLine[]>;
  announce: (text: string) => void;
}

/** Rows drawn at once; the button below draws as many more. */
const pageSize = 200;
/** New events within this time are told of together. */
const announceMs = 2_000;

export function EventsView({ events, loadLog, announce }: EventsViewProps) {
  const [filter, setFilter] = useState<EventFilter>({ type: '', onlyWarnings: false, text: '' });
  const [numShown, setNumShown] = useState(pageSize);
  const types = useMemo(() => typesOf(events), [events]);
  const found = useMemo(() => filterEvents(events, filter), [events, filter]);
  useAnnounced(events, announce);

  const change = (changes: Partial<EventFilter>) => {
    setFilter({ ...filter, ...changes });
    setNumShown(pageSize);
  };
  return (
    <section class="events" aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      <search class="filters">
        <label class="field">
          Type
          <select value={filter.type} onChange={({ currentTarget }) => change({ type: currentTarget.value })}>
            <option value="">all</option>
            {types.map(({ type, count }) => (
              <option key={type} value={type}>{`${type} (${count})`}</option>
            ))}
          </select>
        </label>
        <label class="field">
          Text
          <input
            type="search"
            value={filter.text}
            onInput={({ currentTarget }) => change({ text: currentTarget.value })}
          />
        </label>
        <Check checked={filter.onlyWarnings} onChange={(onlyWarnings) => change({ onlyWarnings })}>
          Only warnings
        </Check>
      </search>
      <p class="quiet">{`${found.length} of ${events.length} events`}</p>
      <ol class="event-list">
        {found.slice(0, numShown).map(({ id, at, type, level, step, text }) => (
          <li key={id} class={level === 'warn' ? 'is-warning' : undefined}>
            <time dateTime={at} title={at}>
              {clock(at)}
            </time>
            <span class="event-type">{type}</span>
            <span class="event-step quiet">{step === null ? '' : `step ${step}`}</span>
            <span class="event-text">
              {level === 'warn' && <strong>Warning: </strong>}
              {text}
            </span>
          </li>
        ))}
      </ol>
      <More numFound={found.length} numShown={numShown} onMore={setNumShown} />
      <Log load={loadLog} />
    </section>
  );
}

function Log({ load }: { load: () => Promise<LogLine[]> }) {
  const [lines, setLines] = useState<readonly LogLine[] | null>(null);
  const [error, setError] = useState('');
  const [least, setLeast] = useState<LogLine['level']>('info');
  const [text, setText] = useState('');
  const [numShown, setNumShown] = useState(pageSize);
  const [isLoading, setIsLoading] = useState(false);
  const found = useMemo(() => filterLog(lines ?? [], least, text), [lines, least, text]);

  const reload = async () => {
    setIsLoading(true);
    try {
      setLines(await load());
      setError('');
    } catch (failure) {
      setError(messageOf(failure));
    }
    setIsLoading(false);
  };
  return (
    <details
      class="log"
      onToggle={({ currentTarget }) => currentTarget.open && lines === null && void reload()}
    >
      <summary>Log</summary>
      <search class="filters">
        <label class="field">
          Level
          <select
            value={least}
            onChange={({ currentTarget }) => setLeast(currentTarget.value as LogLine['level'])}
          >
            {logLevels.map((level) => (
              <option key={level} value={level}>
                {level === 'error' ? 'error' : `${level} and above`}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Log text
          <input type="search" value={text} onInput={({ currentTarget }) => setText(currentTarget.value)} />
        </label>
        <BusyButton isBusy={isLoading} onClick={reload}>
          {isLoading ? 'Loading…' : 'Load anew'}
        </BusyButton>
      </search>
      {error !== '' && <p class="warning">{error}</p>}
      {lines !== null && (
        <p class="quiet">{`${found.length} of the last ${lines.length} lines, newest first`}</p>
      )}
      <ol class="log-lines">
        {found.slice(0, numShown).map((line, index) => (
          // Lines have no identity of their own; the list is replaced as a whole.
          <li key={index} class={`is-${line.level}`}>
            <time dateTime={line.at}>{clock(line.at)}</time> <span class="log-level">{line.level}</span>{' '}
            {line.text}
          </li>
        ))}
      </ol>
      <More numFound={found.length} numShown={numShown} onMore={setNumShown} />
    </details>
  );
}

interface MoreProps {
  numFound: number;
  numShown: number;
  onMore: (numShown: number) => void;
}

function More({ numFound, numShown, onMore }: MoreProps) {
  if (numFound <= numShown) return null;
  return (
    <button type="button" onClick={() => onMore(numShown + pageSize)}>
      {`${Math.min(pageSize, numFound - numShown)} more of ${numFound - numShown}`}
    </button>
  );
}

/** Tells of new events politely: at once those that came within a short while. */
function useAnnounced(events: readonly ShownEvent[], announce: (text: string) => void): void {
  const lastId = useRef(events.at(-1)?.id ?? 0);
  const newest = events.at(-1)?.id ?? 0;
  const latest = useRef(events);
  latest.current = events;
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => {
    if (newest <= lastId.current || timer.current !== null) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      const text = announcement(latest.current, lastId.current);
      lastId.current = latest.current.at(-1)?.id ?? lastId.current;
      if (text !== '') announce(text);
    }, announceMs);
  }, [newest]);
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
}

/** Hours, minutes and seconds where the reader is. */
const clock = (iso: string): string => {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? '' : at.toLocaleTimeString('en-GB');
};
