/** What options must be to each other. Each rule throws a UserError that names both and what to do. */

import type { Config } from '@unet-fleet/law';
import { checkSchedule, configOptions, UserError } from '@unet-fleet/law';
import { parseClassWeights } from './parse.ts';

export type Origin = 'flag' | 'env' | 'file';
/** Where each given option (by path) came from; options that keep their default are absent. */
export type Origins = ReadonlyMap<string, Origin>;

export function crossCheck(config: Config, origins: Origins): void {
  checkData(config, origins);
  checkTraining(config);
  checkBroker(config, origins);
  checkFlagsHaveEffect(config, origins);
}

function checkData({ data }: Config, origins: Origins): void {
  // A file may hold every option with its default, as the one in a run folder does.
  const scaleGiven =
    origins.has('data.scale') &&
    (origins.get('data.scale') !== 'file' || data.scale !== defaultOf('data.scale'));
  if (data.size !== '' && scaleGiven) {
    throw new UserError(
      `--size ${data.size} and --scale ${data.scale} are both given: both set the training size, so leave one out`,
    );
  }
  for (const key of ['images', 'masks'] as const) {
    if (origins.get('data.pack') === 'flag' && origins.get(`data.${key}`) === 'flag') {
      throw new UserError(`--pack and --${key} are both given: both say where the data is, so leave one out`);
    }
  }
  if ((data.trainList === '') !== (data.valList === '')) {
    const [given, missing] = data.trainList === '' ? ['val', 'train'] : ['train', 'val'];
    throw new UserError(`--${given}-list is given without --${missing}-list: name the photos of both parts`);
  }
  if (data.trainList !== '' && data.split === 'random') {
    throw new UserError('--split random draws the split, which --train-list gives: leave one out');
  }
  if (data.numClasses === 1) {
    throw new UserError(
      '--num-classes 1 leaves nothing to tell apart: background counts as a class, so give at least 2, or 0 to count them',
    );
  }
}

function checkTraining({ data, engine, train }: Config): void {
  if (train.leafSize > train.batchSize) {
    throw new UserError(
      `--leaf-size ${train.leafSize} is larger than --batch-size ${train.batchSize}: a leaf is a part of the batch, so give at most ${train.batchSize}`,
    );
  }
  checkSchedule(train);
  if (train.onNonFinite === 'retry-float32' && engine.precision === 'float32') {
    throw new UserError(
      '--on-non-finite retry-float32 is for --precision bf16, and leaves are computed in float32 already: use stop or skip',
    );
  }
  const weights = parseClassWeights(train.classWeights);
  if (Array.isArray(weights) && data.numClasses > 0 && weights.length !== data.numClasses) {
    throw new UserError(
      `--class-weights gives ${weights.length} weights for --num-classes ${data.numClasses}: give one per class`,
    );
  }
}

function checkBroker({ broker }: Config, origins: Origins): void {
  if (broker.natsPassword !== '' && broker.natsUser === '') {
    throw new UserError('--nats-password is given without --nats-user: give both, or neither');
  }
  if (broker.natsUser !== '' && broker.natsUrl === '') {
    throw new UserError(
      '--nats-user is given without --nats-url: the embedded server makes its own credentials, so give the URL or leave the user out',
    );
  }
  if (broker.natsToken !== '') {
    const other = broker.natsUser !== '' ? '--nats-user' : broker.natsSeed !== '' ? '--nats-seed' : '';
    if (other !== '')
      throw new UserError(`--nats-token and ${other} are both given: both say who this is, so leave one out`);
    if (broker.natsUrl === '')
      throw new UserError(
        '--nats-token is given without --nats-url: it is for a server that runs elsewhere, so give the URL or leave it out',
      );
  }
  if (broker.natsSeed !== '' && broker.natsUser !== '') {
    throw new UserError('--nats-seed and --nats-user are both given: both say who this is, so leave one out');
  }
  if ((broker.natsSeed !== '' || broker.natsCa !== '') && broker.natsUrl === '') {
    throw new UserError(
      `--nats-${broker.natsSeed !== '' ? 'seed' : 'ca'} is given without --nats-url: it is for a server that runs elsewhere, so give the URL or leave it out`,
    );
  }
  for (const [key, flag] of embeddedOnly) {
    if (broker.natsUrl === '' || !broker[key] || origins.get(`broker.${key}`) !== 'flag') continue;
    throw new UserError(
      `${flag} ${broker[key]} is for the embedded server, which --nats-url turns off: leave one out`,
    );
  }
}

const embeddedOnly = [
  ['natsHost', '--nats-host'],
  ['natsPort', '--nats-port'],
  ['joinHost', '--join-host'],
] as const;

/** A flag that the rest of the config makes meaningless is a mistake; in a file or the environment it may lie idle. */
function checkFlagsHaveEffect(config: Config, origins: Origins): void {
  for (const option of configOptions) {
    if (!option.onlyWith || origins.get(option.path) !== 'flag') continue;
    const { key, values } = option.onlyWith;
    const chosen = (config[option.group] as unknown as Record<string, string>)[key] ?? '';
    if (values.includes(chosen)) continue;
    throw new UserError(
      `${option.flag} has no effect with --${key} ${chosen}: leave it out, or choose --${key} ${values.join(' or ')}`,
    );
  }
}

const defaultOf = (path: string) => configOptions.find((option) => option.path === path)?.default;
