/** The one way from whatever happens in a run to those who want to know: the caller, the recorder, who watches. */
import type { RunEvent } from '@unet-fleet/law';
import { Listeners } from '../live/watchers.ts';
import type { Recorder } from './recorder.ts';

/** Tells the run's events to the caller, the recorder and listeners; notes and warnings from before its beginning come right after it. */
export class Teller {
  readonly #onEvent: (event: RunEvent) => void;
  #recorder: Recorder | null = null;
  readonly #early: RunEvent[] = [];
  readonly listeners = new Listeners((message) => this.warn(message));

  constructor(onEvent: (event: RunEvent) => void) {
    this.#onEvent = onEvent;
  }

  begin(started: RunEvent, recorder: Recorder): void {
    this.#recorder = recorder;
    this.emit(started);
    for (const event of this.#early.splice(0)) this.emit(event);
  }

  /** What is noted from now on waits for another beginning, with a recorder of its own. */
  pause(): void {
    this.#recorder = null;
  }

  emit(event: RunEvent): void {
    const timed = { at: new Date().toISOString(), ...event };
    this.#recorder?.record(timed);
    this.#onEvent(event);
    this.listeners.tell(timed);
  }

  warn(message: string): void {
    this.#tell({ type: 'warning', message });
  }

  note(message: string): void {
    this.#tell({ type: 'note', message });
  }

  #tell(event: RunEvent): void {
    if (this.#recorder) this.emit(event);
    else this.#early.push(event);
  }
}
