/** What has come to a run's course since the pages were told last, as one message. Pure. */
import type { RecordedEvent } from '@unet-fleet/law';
import { addEvent } from '@unet-fleet/record';
import { type DrawnCourse, emptyDrawnCourse } from '../history/run-history.ts';
import type { CurvePoints, ServerMessage, ShownEvent } from '../protocol.ts';

type Update = Extract<ServerMessage, { type: 'update' }>;

/** More than this between two tellings is loaded as a whole instead: a run that resumes reads its past in one go. */
const maxEvents = 4_000;

export class News {
  readonly #numClasses: number;
  #course: DrawnCourse;
  #events: ShownEvent[] = [];
  #messages: ServerMessage[] = [];
  #numEvents = 0;
  /** What was told before no longer holds. */
  #isAnew = false;

  constructor(numClasses: number) {
    this.#numClasses = numClasses;
    this.#course = emptyDrawnCourse(numClasses);
  }

  /** `shown`: its sentence in the run's whole course. */
  add(event: RecordedEvent, shown: ShownEvent | null): void {
    if (event.type === 'run-started' && event.numStepsDone > 0) this.anew();
    this.#numEvents++;
    if (this.#isAnew || this.#numEvents > maxEvents) {
      this.anew();
      return;
    }
    addEvent(this.#course, event);
    if (shown) this.#events.push(shown);
    if (event.type === 'evaluation-kept') this.#messages.push({ type: 'evaluated', step: event.step });
    if (event.type === 'checkpoint') {
      const { step, at, isBest } = event;
      this.#messages.push({ type: 'checkpoint', step, at, isBest });
    }
  }

  /** The course was read from its beginning again. */
  anew(): void {
    this.#isAnew = true;
    this.#events = [];
    this.#messages = [];
  }

  /** What to tell, in order; afterwards there is no news. */
  take(): ServerMessage[] {
    const messages: ServerMessage[] = this.#isAnew ? [{ type: 'behind' }] : this.#changes();
    this.#course = emptyDrawnCourse(this.#numClasses);
    this.#events = [];
    this.#messages = [];
    this.#numEvents = 0;
    this.#isAnew = false;
    return messages;
  }

  #changes(): ServerMessage[] {
    if (this.#numEvents === 0) return [];
    const { curves, classIou, lanes } = this.#course;
    const points: CurvePoints = Object.fromEntries(
      Object.entries(curves).filter(([, added]) => added.length > 0),
    );
    const last = classIou.map((added) => added.at(-1));
    const step = last.find((point) => point !== undefined)?.[0];
    if (step !== undefined) {
      points.classIou = last.map((point) => point?.[1] ?? null);
      points.classIouStep = step;
    }
    const update: Update = { type: 'update', curves: points, events: this.#events, lanes };
    return [update, ...this.#messages];
  }
}
