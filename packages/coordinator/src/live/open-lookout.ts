/** The parts that watch a run, put together for one start of a coordinator. */
import { trainingSizeOf } from '@unet-fleet/dataset';
import { type CoreStatus, reachedMoment, sideLimits } from '@unet-fleet/law';
import { EvaluationWriter, runStatusOf, type StatusSource } from '@unet-fleet/record';
import { maxPartBytes } from '@unet-fleet/wire/protocol/messages';
import type { PreparedRun } from '../shell/prepare-run.ts';
import type { Teller } from '../shell/teller.ts';
import { EvaluationKeeper } from './evaluation-keeper.ts';
import { Followed } from './followed.ts';
import type { LiveStatus } from './live-run.ts';
import { Lookout } from './lookout.ts';
import { loadPhoto } from './photo.ts';
import { Segmenter, type SegmenterPorts } from './segmenter.ts';

export interface OpenedLookout {
  lookout: Lookout;
  evaluations: EvaluationWriter;
  followed: Followed;
}

/** Drops evaluations of steps that the run will do again. */
export function openLookout(run: PreparedRun, teller: Teller): OpenedLookout {
  const { config, dataset, folder, lock, model, paths, plan, progress } = run;
  const { validation: validationIds } = folder.split;
  const { numClasses } = model.config;
  const samples = new Map(dataset.samples.map((sample) => [sample.id, sample]));
  const onWarning = (message: string) => teller.warn(message);
  const followed = new Followed(validationIds, config.train.seed);
  const evaluations = new EvaluationWriter({
    runDir: paths.root,
    numClasses,
    sizeOf: (sampleId) => {
      const sample = samples.get(sampleId);
      return sample ? trainingSizeOf(config.data, sample) : null;
    },
    mayWrite: () => lock.isHeld(),
    onWarning,
    onKept: (step, numPictures) => teller.emit({ type: 'evaluation-kept', step, numPictures }),
  });
  evaluations.dropAfter(reachedMoment(progress));
  const keeper = new EvaluationKeeper({
    plan,
    numClasses,
    validationIds,
    followed: () => followed.positions,
    writer: evaluations,
    onWarning,
  });
  const lookout = new Lookout({
    plan,
    followed,
    evaluations: keeper,
    emit: (event) => teller.emit(event),
    now: () => performance.now(),
  });
  return { lookout, evaluations, followed };
}

/** What the run is doing at this moment, with what is known of its workers. */
export function liveStatusOf(core: CoreStatus, source: StatusSource, lookout: Lookout): LiveStatus {
  const nowMs = performance.now();
  const at = new Date();
  const lastSeenOf = (lastSeenMs: number) => new Date(at.getTime() + lastSeenMs - nowMs).toISOString();
  const facts = lookout.facts(core.workers, lastSeenOf);
  const { isPaused, stopsAfterEpoch } = core;
  return { ...runStatusOf(core, source, nowMs, at), facts, isPaused, stopsAfterEpoch };
}

/** Has photos segmented by the members of the run. `maxMessageBytes`: what the broker takes. */
export function openSegmenter(
  { config, model }: PreparedRun,
  lookout: Lookout,
  workers: () => CoreStatus['workers'],
  send: SegmenterPorts['send'],
  maxMessageBytes: number,
): Segmenter {
  const leafMs = (workerId: string) => lookout.leafMs(workerId) ?? Number.POSITIVE_INFINITY;
  const limits = sideLimits(model.config);
  const ofState = (state: string) =>
    workers()
      .filter((worker) => worker.state === state)
      .map(({ workerId }) => workerId)
      .sort((a, b) => (leafMs(a) < leafMs(b) ? -1 : 1));
  return new Segmenter({
    numClasses: model.config.numClasses,
    partBytes: Math.min(maxPartBytes, maxMessageBytes - messageBytes),
    load: (photo) => loadPhoto(photo, config.data, limits),
    candidates: () => [...ofState('idle'), ...ofState('computing')],
    send,
  });
}

/** Of a message, beside the part of a photo in it. */
const messageBytes = 1_024;
