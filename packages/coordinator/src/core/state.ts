/** How a core begins: fresh, or from the progress that a checkpoint kept. */
import { type Intervention, initialNorms, type Progress, roundKinds } from '@unet-fleet/law';
import type { CoreConfig, CoreState, LeafTimes } from './types.ts';

const unmeasured = (): LeafTimes => ({ recent: [], next: 0, first: [], medianMs: 0, spreadMs: 0 });

/** `interventions`: of the run so far, those of steps to come among them. */
export const initialState = (
  config: CoreConfig,
  progress: Progress,
  now = 0,
  interventions: readonly Intervention[] = [],
): CoreState => ({
  config,
  progress,
  members: [],
  peers: new Map(),
  round: null,
  nextLeaseId: 1,
  stopSinceMs: null,
  stopAfterEpoch: false,
  pause: null,
  checkpointWanted: false,
  interventions: [...interventions],
  ending: null,
  over: false,
  waitingSaid: null,
  waitingSinceMs: now,
  epochSaid: -1,
  dropped: { stale: 0, duplicate: 0, stranger: 0, malformed: 0, unavailable: 0 },
  rejected: [],
  suspects: [],
  leafTimes: Object.fromEntries(roundKinds.map((kind) => [kind, unmeasured()])) as CoreState['leafTimes'],
  norms: initialNorms(),
  transferMs: null,
  broker: null,
  lastCheckpointMs: now,
});
