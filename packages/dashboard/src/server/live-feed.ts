/**
 * Tells the open pages of the run that is live: twice a second its state, and what its folder has told since. The folder
 * is the only source of curves and events, so what a page has after a restart is what it has had before. Nothing is done
 * while nobody looks.
 */
import type { RunHistory } from '../history/run-history.ts';
import type { Status } from '../protocol.ts';
import type { Audience } from './audience.ts';
import { headOf, Pace, type Plan } from './head.ts';
import type { LivePort } from './live-port.ts';
import { News } from './news.ts';

const everyMs = 500;
const visitEvery = 40;

export class LiveFeed {
  readonly #history: RunHistory;
  readonly #port: LivePort;
  readonly #audience: Audience;
  readonly #plan: Plan;
  readonly #news: News;
  readonly #pace = new Pace();
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  #numTicks = 0;

  constructor(history: RunHistory, port: LivePort, audience: Audience, plan: Plan) {
    this.#history = history;
    this.#port = port;
    this.#audience = audience;
    this.#plan = plan;
    this.#news = new News(history.folder.record.classNames.length);
    history.listener = {
      onEvent: (event, shown) => {
        if (event.type === 'step') this.#pace.add(event.step, Date.parse(event.at));
        if (event.type === 'run-started' || event.type === 'resumed') this.#pace.clear();
        this.#news.add(event, shown);
      },
      onAnew: () => this.#news.anew(),
    };
  }

  /** A page has come: begins to tell, if nobody was there before. */
  wake(): void {
    if (this.#timer || this.#isClosed) return;
    // What has come while nobody looked is in the history that the page asks for.
    this.#timer = setTimeout(() => {
      void this.#history
        .refresh()
        .then(() => this.#news.take())
        .then(() => this.#tick());
    });
  }

  /** Tells a last time, of the run's end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#audience.size > 0) await this.#tell();
  }

  #schedule(ms: number): void {
    this.#timer = setTimeout(() => {
      void this.#tick();
    }, ms);
  }

  async #tick(): Promise<void> {
    await this.#tell();
    this.#timer = null;
    if (this.#isClosed || this.#audience.size === 0) return;
    if (++this.#numTicks % visitEvery === 0) this.#audience.visit();
    this.#schedule(everyMs);
  }

  async #tell(): Promise<void> {
    await this.#history.refresh();
    for (const message of this.#news.take()) this.#audience.tell(message);
    const status = await this.status();
    if (status) this.#audience.tell({ type: 'status', status }, true);
  }

  /** null where the run does not answer any more. */
  async status(): Promise<Status | null> {
    try {
      return headOf(await this.#port.status(), this.#history.course, this.#plan, this.#pace.stepsPerMs());
    } catch {
      return null;
    }
  }
}
