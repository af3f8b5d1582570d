/** The histories that pages load, made once for all that load the same: a hundred pages come back at a time. */
import type { RunHistory } from '../history/run-history.ts';
import { JsonBody } from './answers.ts';

interface Made {
  body: Promise<JsonBody>;
  key: string;
}

export class HistoryBodies {
  /** Forgotten with the run. */
  readonly #made = new WeakMap<RunHistory, Made>();

  /** All that the run's folder tells at this moment: a page is told of what comes later by its socket. */
  async of(run: RunHistory, followed: readonly string[] | undefined): Promise<JsonBody> {
    await run.refresh();
    const key = JSON.stringify([run.version, followed]);
    const known = this.#made.get(run);
    if (known?.key === key) return known.body;
    const body = run.history(followed).then((history) => new JsonBody(history));
    this.#made.set(run, { body, key });
    // Who asks next asks anew.
    body.catch(() => this.#made.delete(run));
    return body;
  }
}
