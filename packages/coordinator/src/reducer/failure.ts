/** How a reducer's work may fail without any fault of the run's own. */

/** A node's gradient could not be fetched from its worker: no fault of the run, as others can compute it. */
export class NodeUnavailable extends Error {}

/** A process with reducers is gone, and with it weights and optimizer state: the run goes back to its last checkpoint. */
export class ReducerLost extends Error {
  /** What the process is called. */
  readonly reducer: string;

  constructor(reducer: string, reason: string) {
    super(reason);
    this.name = 'ReducerLost';
    this.reducer = reducer;
  }
}
