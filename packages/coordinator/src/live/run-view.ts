/** The run as its observers see it, put together from the coordinator's parts. */
import { join } from 'node:path';
import { withoutSecrets } from '@unet-fleet/config';
import { numSteps, stepsPerEpoch } from '@unet-fleet/law';
import { openEvaluations } from '@unet-fleet/record';
import type { PreparedRun } from '../shell/prepare-run.ts';
import type { Followed } from './followed.ts';
import type { GradientWatchers } from './gradient-watchers.ts';
import type { LiveRun, LiveStatus, RunControls, SampleFacts, Segmentation } from './live-run.ts';
import type { Listeners } from './watchers.ts';

export interface RunViewParts {
  run: PreparedRun;
  followed: Followed;
  listeners: Listeners;
  gradients: GradientWatchers;
  warn(message: string): void;
  controls: RunControls;
  status(): LiveStatus;
  segment(photo: Uint8Array): Promise<Segmentation>;
}

export function runView({
  run,
  followed,
  listeners,
  gradients,
  warn,
  controls,
  status,
  segment,
}: RunViewParts): LiveRun {
  const { config, folder, paths, lock, plan } = run;
  return {
    runId: folder.record.runId,
    runDir: paths.root,
    term: lock.term,
    config: withoutSecrets(config),
    classNames: folder.record.classNames,
    numSteps: numSteps(plan),
    numStepsPerEpoch: stepsPerEpoch(plan),
    numEpochs: plan.epochs,
    validationSamples: validationSamplesOf(run),
    evaluations: openEvaluations(paths.root),
    controls,
    status,
    onEvent: (listener) => listeners.add(listener),
    onGradientHistograms: (listener) => gradients.add(listener),
    warn,
    followed: () => followed.ids,
    follow: (ids) => followed.choose(ids),
    segment,
  };
}

function validationSamplesOf({ config, dataset, folder }: PreparedRun): SampleFacts[] {
  const samples = new Map(dataset.samples.map((sample) => [sample.id, sample]));
  return folder.split.validation.flatMap((id) => {
    const sample = samples.get(id);
    return sample
      ? {
          id,
          imagePath: join(config.data.images, sample.photo),
          maskPath: join(config.data.masks, sample.mask),
          page: sample.page,
        }
      : [];
  });
}
