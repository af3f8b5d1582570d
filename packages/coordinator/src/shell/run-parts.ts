/**
 * The parts of a run, made in the order in which they need each other: each knows those before it alone. What a part has
 * to tell one that comes after it goes over the switchboard, once all are there.
 */
import { UserError } from '@unet-fleet/law';
import { maxPayloadOf, subjectsOf } from '@unet-fleet/wire';
import { type FileServing, startFileServer } from '../files/start.ts';
import type { Followed } from '../live/followed.ts';
import { GradientWatchers } from '../live/gradient-watchers.ts';
import type { Lookout } from '../live/lookout.ts';
import { openLookout, openSegmenter } from '../live/open-lookout.ts';
import type { Segmenter } from '../live/segmenter.ts';
import type { Abort } from './abort.ts';
import type { Cleanups } from './cleanups.ts';
import { Conductor } from './conductor.ts';
import { ControlPlane } from './control.ts';
import type { CoordinatorOptions } from './coordinator-options.ts';
import { Fleet } from './fleet.ts';
import { LocalWorkers } from './local-workers.ts';
import type { PreparedRun } from './prepare-run.ts';
import type { RunBroker } from './run-broker.ts';
import { coreConfig } from './run-facts.ts';
import { RunRecord } from './run-record.ts';
import { type StartedReducers, startReducers } from './start-reducers.ts';
import type { Teller } from './teller.ts';

/** What there is before any part. */
export interface RunBase {
  aborted: Abort;
  teller: Teller;
  run: PreparedRun;
  broker: RunBroker;
  /** Whether reducers of other processes are sought, where the config wants some. */
  mayRecruit: boolean;
}

export interface RunParts extends RunBase, StartedReducers {
  /** Speaks at once, and hears when it is told to listen. */
  control: ControlPlane;
  conductor: Conductor;
  files: FileServing;
  gradients: GradientWatchers;
  lookout: Lookout;
  followed: Followed;
  fleet: Fleet;
  record: RunRecord;
  segmenter: Segmenter;
  workers: LocalWorkers;
}

/** Resolves with all parts, none of which has begun what it does by itself; `cleanups` stop them. */
export async function makeParts(
  base: RunBase,
  options: CoordinatorOptions,
  cleanups: Cleanups,
): Promise<RunParts> {
  const { aborted, broker, run, teller } = base;
  const { config, folder, interventions, lock, plan, progress } = run;
  const { runId } = folder.record;
  const onWarning = (message: string) => teller.warn(message);

  const control = new ControlPlane(broker.connection, subjectsOf(runId), runId, lock.term);
  const conductor = new Conductor({
    config: coreConfig(run),
    progress,
    train: config.train,
    interventions: interventions.all,
  });

  const started = await startReducers(base, options, cleanups, {
    onFault: (workerId, what) => control.fault(workerId, what),
    onWait: (reason) => teller.warn(`the reducers wait for the broker: ${reason}`),
  });
  const { reducers } = started;
  const gradients = new GradientWatchers({ plan, validateEvery: config.train.validateEvery }, onWarning);
  reducers.watchGradients(gradients);
  const files = startFileServer(run, broker.address, cleanups, {
    fault: (workerId, what) => control.fault(workerId, what),
    warning: onWarning,
  });

  const { lookout, evaluations, followed } = openLookout(run, teller);
  const fleet = new Fleet(run, config.engine.allowMixedEngines, lookout);
  const record = new RunRecord({ run, reducers, fleet, evaluations, teller }, cleanups);
  cleanups.add(() => control.close());
  cleanups.add(() => conductor.stop());

  const segmenter = openSegmenter(
    run,
    lookout,
    () => conductor.status.workers,
    (workerId, message) => control.send(workerId, message),
    maxPayloadOf(broker.connection),
  );
  cleanups.add(() => segmenter.close());
  const workers = new LocalWorkers({
    numWorkers: config.run.workers,
    command: options.workerCommand,
    envOf: (slot) => ({ ...process.env, ...broker.workerEnvironment(slot) }),
    onWarning,
    onFatal: (message) => aborted.raise(new UserError(message)),
    onEnded: (instance, reason, isFailure) => {
      for (const workerId of fleet.idsOf(instance)) {
        conductor.feed({ type: 'worker-gone', workerId, reason, isFailure });
      }
    },
  });
  options.onKillable(() => workers.kill());
  cleanups.add(() => workers.stop());
  return {
    ...base,
    ...started,
    control,
    conductor,
    files,
    gradients,
    lookout,
    followed,
    fleet,
    record,
    segmenter,
    workers,
  };
}
