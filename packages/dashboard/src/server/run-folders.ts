/**
 * The runs of one folder, as visitors may ask for them: by name alone, so that nothing beside them can be reached. What
 * is read of them is kept while it is among what was asked for last.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { holdsRun, runPaths, stateOf } from '@unet-fleet/record';
import { LRUCache } from 'lru-cache';
import { RunHistory } from '../history/run-history.ts';
import type { RunSummary } from '../protocol.ts';

/** Runs that are listed: the newest. */
const maxRuns = 200;
/** Whose course is in memory. */
const maxOpen = 8;

export class RunFolders {
  readonly #root: string;
  readonly #live: RunHistory | null;
  readonly #open = new LRUCache<string, RunHistory>({ max: maxOpen });
  /** What is shown of a run whose file has not changed. */
  readonly #summaries = new Map<string, { key: string; summary: RunSummary }>();
  #listing: Promise<RunSummary[]> | null = null;

  /** `live`: the run of this process, which lies in `root`. */
  constructor(root: string, live: RunHistory | null) {
    this.#root = root;
    this.#live = live;
  }

  /** null where there is no such run, or its folder is damaged. */
  open(name: string): RunHistory | null {
    if (name === this.#live?.name) return this.#live;
    if (!isName(name) || !holdsRun(join(this.#root, name))) return null;
    const known = this.#open.get(name);
    if (known) return known;
    try {
      const history = new RunHistory(join(this.#root, name));
      this.#open.set(name, history);
      return history;
    } catch {
      return null;
    }
  }

  /** Newest first. Visitors who ask at the same time share one look. */
  list(): Promise<RunSummary[]> {
    this.#listing ??= this.#list().finally(() => {
      this.#listing = null;
    });
    return this.#listing;
  }

  async #list(): Promise<RunSummary[]> {
    const listed: RunSummary[] = [];
    const names = this.#names();
    for (const name of this.#summaries.keys()) if (!names.includes(name)) this.#summaries.delete(name);
    for (const name of names) {
      const summary = await this.#summary(name);
      if (summary) listed.push(summary);
    }
    return listed.sort((a, b) => (b.startedAt ?? '').localeCompare(a.startedAt ?? ''));
  }

  async #summary(name: string): Promise<RunSummary | null> {
    const key = keyOf(join(this.#root, name));
    const known = this.#summaries.get(name);
    const isLive = name === this.#live?.name;
    if (known?.key === key && !isLive) return stillOf(known.summary, join(this.#root, name));
    const history = this.open(name);
    if (!history) return null;
    await history.refresh();
    const summary = history.summary(isLive);
    this.#summaries.set(name, { key, summary });
    return summary;
  }

  #names(): string[] {
    let names: string[];
    try {
      names = readdirSync(this.#root);
    } catch {
      names = [];
    }
    const runs = names.filter((name) => isName(name) && holdsRun(join(this.#root, name)));
    const live = this.#live?.name;
    const newest = runs
      .map((name) => ({ name, changedMs: changedMs(join(this.#root, name)) }))
      .sort((a, b) => b.changedMs - a.changedMs)
      .slice(0, maxRuns)
      .map(({ name }) => name);
    return live === undefined || newest.includes(live) ? newest : [live, ...newest];
  }
}

/** Of a folder that lies in another: no path. */
const isName = (name: string): boolean =>
  name !== '' && !name.startsWith('.') && basename(name) === name && !/[\\/\0]/.test(name);

/** Whether a run that has no end still goes on is asked each time. */
const stillOf = (summary: RunSummary, runDir: string): RunSummary =>
  summary.state === 'ended' ? summary : { ...summary, state: stateOf(runDir, false) };

function changedMs(runDir: string): number {
  try {
    return statSync(runPaths(runDir).run).mtimeMs;
  } catch {
    return 0;
  }
}

function keyOf(runDir: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(runPaths(runDir).metrics);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return '';
  }
}
