/** Reads a run's events onto a screen: banner, live line or sparse plain lines, summary. Shell around progress.ts. */
import type { Config, RunEvent } from '@unet-fleet/law';
import { whileDoing } from '../stop-signals.ts';
import { bannerLines } from './banner.ts';
import { type BarState, plainLine } from './bar.ts';
import { whole } from './format.ts';
import { advance, barOf, initialProgress, type Line, type RunProgress } from './progress.ts';
import type { Screen, Style } from './screen.ts';

/** Least time between two plain lines of one bar. */
const plainEveryMs = 5_000;

const styleOf: Record<Line['tone'], Style | undefined> = {
  plain: undefined,
  good: 'green',
  warning: 'yellow',
  quiet: 'dim',
};

export class RunTerminal {
  readonly #screen: Screen;
  readonly #config: Config;
  readonly #numLocalWorkers: number;
  readonly #now: () => number;
  #progress: RunProgress;
  #plainAtMs: number;

  /** `now` in milliseconds, of any origin. */
  constructor(screen: Screen, config: Config, numLocalWorkers: number, now: () => number) {
    this.#screen = screen;
    this.#config = config;
    this.#numLocalWorkers = numLocalWorkers;
    this.#now = now;
    this.#progress = initialProgress(now());
    this.#plainAtMs = now();
  }

  get progress(): RunProgress {
    return this.#progress;
  }

  onEvent(event: RunEvent): void {
    const nowMs = this.#now();
    const { progress, lines } = advance(this.#progress, event, nowMs);
    this.#progress = progress;
    // What the live line says is out of date: not to be drawn again after each printed line.
    if (lines.length > 0) this.#screen.showBar(null);
    if (event.type === 'run-started') this.#printBanner(event);
    for (const { text, tone } of lines) this.#screen.print(text, styleOf[tone]);
    const bar = barOf(progress, nowMs);
    if (this.#screen.isLive) this.#screen.showBar(bar);
    else if (bar && (event.type === 'step' || event.type === 'validation-progress'))
      this.#printSparsely(bar, nowMs);
  }

  close(): void {
    this.#screen.showBar(null);
  }

  #printBanner(event: Extract<RunEvent, { type: 'run-started' }>): void {
    const { title, rows } = bannerLines(this.#config, event, this.#numLocalWorkers, this.#screen.columns);
    this.#screen.print(title, 'bold');
    for (const row of rows) this.#screen.print(row);
  }

  #printSparsely(bar: BarState, nowMs: number): void {
    if (nowMs - this.#plainAtMs < plainEveryMs) return;
    this.#plainAtMs = nowMs;
    this.#screen.print(plainLine(bar));
  }
}

/** A bar for work that is no run, such as a scan: call it with what is done, and end it. */
export function taskBar(screen: Screen, label: string, unit: string, now: () => number) {
  let plainAtMs = now();
  let bar: BarState = { label, done: 0, total: 0, unit, details: [] };
  let isDone: (() => void) | null = null;
  const begin = () =>
    whileDoing(
      () => `${label} (${whole(bar.done)} of ${whole(bar.total)} ${unit})`,
      () => screen.showBar(null),
    );
  return {
    report(done: number, total: number): void {
      isDone ??= begin();
      bar = { label, done, total, unit, details: [] };
      if (screen.isLive) screen.showBar(bar);
      else if (now() - plainAtMs >= plainEveryMs) {
        plainAtMs = now();
        screen.print(plainLine(bar));
      }
    },
    end(): void {
      isDone?.();
      isDone = null;
      screen.showBar(null);
    },
  };
}
