/** How a core begins: fresh, or from the progress that a checkpoint kept. */
import type { CoreConfig, CoreState, Progress } from './types.ts';

export const initialState = (config: CoreConfig, progress: Progress): CoreState => ({
  config,
  progress,
  members: [],
  round: null,
  nextLeaseId: 1,
  stopRequested: false,
  ending: null,
  over: false,
  waitingSaid: null,
  epochSaid: -1,
  dropped: { stale: 0, duplicate: 0, stranger: 0, malformed: 0 },
});
