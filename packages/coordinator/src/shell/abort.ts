/** How what goes wrong beside the course of a run (its broker, its lock, its worker processes) ends it. */

/** A failure that comes from beside the course of the run; the first one counts. */
export class Abort {
  raise!: (error: Error) => void;
  readonly raised = new Promise<never>((_, reject) => {
    this.raise = reject;
  });

  constructor() {
    // It may be raised before anybody waits for it.
    this.raised.catch(() => {});
  }
}
