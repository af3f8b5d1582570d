/** What a run is about to do, told before it begins. Pure. */
import { basename } from 'node:path';
import { type Config, leafSizeOf, modelOf, modelTitle, type RunEvent } from '@unet-fleet/law';
import { compact, counted, facts, whole } from './format.ts';

type RunStarted = Extract<RunEvent, { type: 'run-started' }>;

/** Title and rows; `numLocalWorkers` is how many this machine starts, 0 for a coordinator alone. */
export function bannerLines(
  config: Config,
  started: RunStarted,
  numLocalWorkers: number,
  columns: number,
): { title: string; rows: string[] } {
  const title =
    started.numStepsDone === 0
      ? `unet-fleet: training run ${started.runId}`
      : `unet-fleet: resuming run ${started.runId} after step ${started.numStepsDone} of ${started.numSteps}`;
  const rows = facts(
    [
      ['data', dataText(config, started)],
      ['model', modelText(config, started)],
      ['recipe', recipeText(config)],
      ['batch', batchText(config, started)],
      ['workers', workersText(config, numLocalWorkers)],
      ['engine', engineText(config)],
      ['broker', config.broker.natsUrl === '' ? `embedded at ${started.brokerUrl}` : started.brokerUrl],
      ['run folder', started.runDir],
    ],
    columns,
  );
  return { title, rows };
}

function dataText({ data }: Config, { numTrainPhotos, numValidationPhotos }: RunStarted): string {
  const size = data.size === '' ? `scaled by ${compact(data.scale)}` : `resized to ${data.size}`;
  const source = data.images === '' ? '' : ` from ${basename(data.images)}`;
  return `${counted(numTrainPhotos, 'photo')} for training, ${whole(numValidationPhotos)} for validation${source}, ${size}`;
}

function modelText({ model, data }: Config, { numParameters, numClasses }: RunStarted): string {
  const channels = counted(data.channels, 'channel');
  return `${modelTitle(modelOf(model, { inChannels: data.channels, numClasses }))}, ${channels} -> ${counted(numClasses, 'class', 'classes')}, ${whole(numParameters)} parameters`;
}

function recipeText({ train }: Config): string {
  const clip = train.clip === 'none' ? 'no clipping' : `clip by ${train.clip} ${compact(train.clipLimit)}`;
  const wire = train.wire === 'float32' ? '' : `, ${train.wire} on the wire`;
  return `${counted(train.epochs, 'epoch')}, ${train.optimizer}, learning rate ${compact(train.learningRate)} (${train.schedule}), weight decay ${compact(train.weightDecay)}, ${clip}, seed ${train.seed}${wire}`;
}

function batchText({ train }: Config, { numLeaves, numSteps }: RunStarted): string {
  const images = counted(train.batchSize, 'image');
  const leaves = `${counted(numLeaves, 'leaf', 'leaves')} of ${leafSizeOf(train)}`;
  return `${images} a step in ${leaves}, ${counted(numSteps, 'step')}`;
}

function workersText({ run }: Config, numLocalWorkers: number): string {
  const others = `waits for ${counted(run.minWorkers, 'worker')}`;
  return numLocalWorkers === 0 ? `none here, ${others}` : `${numLocalWorkers} on this machine`;
}

function engineText({ engine }: Config): string {
  const threads = engine.threads === 0 ? 'threads as cores' : counted(engine.threads, 'thread');
  const device = engine.device === 'auto' ? 'GPU if there is one, or else CPU' : engine.device.toUpperCase();
  const mixed = engine.allowMixedEngines ? '; mixed engines allowed, so not reproducible' : '';
  const precision = engine.precision === 'float32' ? '' : `, convolutions in ${engine.precision}`;
  return `TensorFlow on ${device}, ${threads} a worker${precision}${mixed}`;
}
