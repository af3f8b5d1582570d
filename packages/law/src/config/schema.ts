/**
 * The one list of options. Flags, environment variables, config file, help texts and docs/configuration.md all come
 * from here, and nothing about an option is said twice: a new option is an entry here and a field in types.ts.
 */
import { losses, lossNames } from '../losses/index.ts';
import { depthLimits } from '../model/architecture-options.ts';
import { architectureNames } from '../model/architectures/index.ts';
import { precisions } from '../model/precision.ts';
import { optimizerNames, optimizers } from '../optimizers/index.ts';
import { wireNames } from '../plan/wire-format.ts';
import { scheduleNames, schedules } from '../schedule/schedules.ts';
import { optionsOf } from './entry-options.ts';
import { above, between, choice, onOff, path, real, text, whole } from './option-kinds.ts';
import { type GroupSchema, group, kebab, type OptionSpec } from './option-spec.ts';
import type { Config } from './types.ts';

type Schema = { [G in keyof Config]: GroupSchema<Config[G]> };

const data = group<Config['data']>({
  images: path('folder of photos (jpg, png, webp, tiff, gif, bmp, npy, mat)'),
  masks: path('folder of masks (png, tiff, gif, bmp, lossless webp, npy, mat)'),
  pack: text(
    'packed data set to use instead of --images and --masks: folder or URL (https://, s3://) of what `unet-fleet pack` wrote',
  ),
  packToken: text(
    'bearer token for a pack on an HTTP server; better given by its environment variable, which no process list shows',
    { sensitive: true },
  ),
  imageSuffix: text(
    "what a photo's file name ends in and its mask's does not, such as _sat; or begins with: img_*",
  ),
  maskSuffix: text(
    "what a mask's file name ends in and its photo's does not, such as _mask; or begins with: mask_*",
  ),
  matVariable: text('variable that holds the mask in .mat files', { default: 'groundtruth' }),
  palette: path('file that maps the colours of RGB or palette masks to classes'),
  classNames: path('file with the class names (text, JSON, or .mat cell array)'),
  numClasses: {
    doc: 'classes, background included; 0: as many as class names, or else as the masks hold',
    ...whole(0, 65_535, 'classes'),
    default: 0,
  },
  maskValues: {
    doc: 'values of the masks that are the classes, in their order (0..20 for a run of them); auto: from the values of the whole set; as-is: the value is the class',
    format: 'maskValues',
    default: 'auto',
    auto: 'auto',
    before: 'as-is',
  },
  maskThreshold: {
    doc: 'for two classes with soft edges: values from this one on are class 1, those below class 0; 0: none',
    ...real(0, 65_535),
    default: 0,
  },
  size: {
    doc: 'size that photos and masks are resized to, WIDTHxHEIGHT',
    unit: 'pixels',
    format: 'size',
    default: '',
  },
  scale: {
    doc: "without --size: training size as a factor of each photo's own",
    ...above(0, 4, 'factor'),
    default: 0.5,
  },
  channels: {
    doc: 'channels of a photo as the model sees it: 1 grey, 3 RGB, 4 RGBA',
    format: 'numberChoice',
    values: [1, 3, 4],
    default: 3,
  },
  valueRange: {
    doc: "which values of a photo become 0 to 1: auto (8 bits: 0..255; floats within 0..1: 0..1; else the set's own range), type (the range of the file's type), or LOW..HIGH",
    format: 'valueRange',
    default: 'auto',
    auto: 'auto',
    before: '0..255 of uint8',
  },
  orientation: choice(
    ['auto', 'photo', 'stored'],
    'photos with an EXIF orientation: turn the photo, take it as stored, or auto: as the size of its mask says',
    { auto: 'auto', before: 'photo' },
  ),
  ignoreIndex: {
    doc: 'mask value that counts neither in the loss nor in the metrics, or several (0,255); -1 occurs in signed formats alone',
    unit: 'value',
    format: 'ignoredValues',
    default: -1,
  },
  unpaired: choice(
    ['warn', 'stop'],
    'photos without a mask and masks without a photo: leave out with a warning, or stop',
  ),
  wrongMasks: choice(
    ['stop', 'skip'],
    'masks of another size or with values out of range: stop, or leave out with a warning',
  ),
  followLinks: onOff('read photos and masks through links that lead out of their folder', false),
  maxPixels: {
    doc: 'pixels of one photo or mask; a file with more is refused, as a damaged one that claims them would fill the memory',
    ...whole(1, 2 ** 30, 'pixels'),
    default: 2 ** 27,
  },
  split: choice(
    ['auto', 'random'],
    'auto: that of --train-list and --val-list, or of folders train and val, or else random; random: drawn by --seed',
  ),
  trainList: path('file that names the photos to train on, one per line; with --val-list'),
  valList: path('file that names the photos to validate on, one per line; with --train-list'),
  validationShare: {
    doc: 'share of the photos that is kept for validation',
    ...between(0, 1, 'share'),
    default: 0.1,
    remedy: 'training and validation both need photos; 0.1 keeps every tenth for validation',
  },
});

const model = group<Config['model']>({
  architecture: choice(architectureNames, "network: the classic U-Net, or nnU-Net's residual encoder U-Net", {
    default: 'unet',
  }),
  baseWidth: {
    doc: 'channels of the first level; each level below doubles them',
    ...whole(1, 512, 'channels'),
    default: 64,
  },
  depth: {
    doc: 'levels below the first, each of half the height and width of the one above',
    ...whole(...depthLimits, 'levels'),
    default: 4,
  },
  upsampling: choice(
    ['transposed', 'bilinear'],
    'how the decoder enlarges: transposed convolution, or bilinear',
    { onlyWith: { key: 'architecture', values: ['unet'] } },
  ),
  norm: choice(
    ['auto', 'batch', 'instance', 'group'],
    "what normalises between layers: batch, instance, or group (groups of 8); auto: the architecture's own (unet: batch, residual-encoder: instance)",
    { auto: 'auto', before: 'batch' },
  ),
  dropout: {
    doc: 'share of values that dropout drops in training, at the end of the contracting path (unet) or behind the convs (residual-encoder); 0: no dropout',
    ...real(0, 1, 'share'),
    belowMax: true,
    default: 0,
    remedy: 'the values that stay are what is learnt from; 0.5 is usual',
  },
});

const train = group<Config['train']>({
  epochs: {
    doc: 'passes over the training photos',
    ...whole(1, 1e6, 'epochs'),
    default: 5,
    changeable: true,
  },
  batchSize: {
    doc: 'images per optimizer step (global batch), however many workers there are',
    ...whole(1, 65_536, 'images'),
    default: 1,
  },
  leafSize: {
    doc: 'images per leaf, the unit of work of a worker; 0: a quarter of the batch, rounded up',
    ...whole(0, 65_536, 'images'),
    default: 0,
  },
  seed: {
    doc: 'seed of the split, the initial weights and the order of photos',
    ...whole(0, 0xffff_ffff),
    default: 0,
  },
  optimizer: choice(optimizerNames, "update rule, with PyTorch's semantics", { default: 'rmsprop' }),
  learningRate: {
    doc: 'learning rate at the start',
    ...above(0, 100),
    default: 0.001,
    changeable: true,
  },
  ...optionsOf('optimizer', optimizers),
  schedule: choice(
    scheduleNames,
    'learning-rate schedule; plateau reduces it when the validation loss stops falling',
    { default: 'plateau' },
  ),
  ...optionsOf('schedule', schedules),
  clip: choice(['value', 'norm', 'none'], 'how gradients are clipped: each value, their global norm, or not'),
  clipLimit: {
    doc: 'limit of the clipping',
    ...above(0, 1e9),
    default: 0.1,
    onlyWith: { key: 'clip', values: ['value', 'norm'] },
  },
  onNonFinite: choice(
    ['stop', 'skip', 'retry-float32'],
    'when a loss or gradient is not a finite number: end the run and name the samples, skip their leaf, or, with --precision bf16, compute the leaf again in float32 and end the run if that does not help',
  ),
  loss: choice(lossNames, 'what training minimises, over all valid pixels of a batch', {
    default: 'cross-entropy',
  }),
  ...optionsOf('loss', losses),
  wire: choice(
    wireNames,
    'how gradients and weights travel: float32, bf16 (half the bytes), or int8 (gradients a quarter, weights in bf16); part of what a run is, as the last two round',
  ),
  earlyStopping: {
    doc: 'validations without improvement before the run ends; 0: never',
    ...whole(0, 1e6, 'validations'),
    default: 0,
    changeable: true,
  },
  validateEvery: {
    doc: 'steps between validations; 0: at the end of each epoch',
    ...whole(0, 1e9, 'steps'),
    default: 0,
  },
});

const engine = group<Config['engine']>({
  device: choice(['auto', 'cpu', 'gpu'], 'what computes: auto takes a GPU where there is one'),
  threads: {
    doc: 'threads of each worker, fixed for the life of a run; 0: the cores of the machine that creates it',
    ...whole(0, 1024, 'threads'),
    default: 0,
  },
  precision: choice(
    precisions,
    'what convolutions compute in: float32, or bf16, which is faster where processor or GPU has it (docs/precision.md); fixed for the life of a run',
  ),
  allowMixedEngines: onOff('admit workers whose engine differs, which makes the run not reproducible', false),
});

const run = group<Config['run']>({
  runDir: path(
    'folder of the run: config, checkpoints, metrics, logs, pictures; default: the next free runs/NNNN',
  ),
  workers: {
    doc: 'worker processes on this machine; 0: none, they join over the broker',
    ...whole(0, 1024, 'workers'),
    default: 1,
  },
  minWorkers: {
    doc: 'workers that must be there before a step is given out',
    ...whole(1, 65_536, 'workers'),
    default: 1,
  },
  reducers: {
    doc: 'processes with reducers (unet-fleet reducer) that the run waits for, here or on other machines; 0: none, threads of the coordinator reduce',
    ...whole(0, 1024, 'processes'),
    default: 0,
  },
  reducerSeconds: {
    doc: 'seconds to wait for them, at first and when one is lost; after that the run goes on with those that are there',
    ...real(0, 1e6, 'seconds'),
    default: 60,
  },
  checkpointEvery: {
    doc: 'steps between checkpoints, besides those at each validation; 0: none',
    ...whole(0, 1e9, 'steps'),
    default: 100,
  },
  checkpointSeconds: {
    doc: 'seconds after which a commit is followed by a checkpoint; 0: never for time alone',
    ...real(0, 1e6, 'seconds'),
    default: 0,
  },
  onCheckpointFailure: choice(
    ['continue', 'stop'],
    'when a checkpoint cannot be written: train on and try again at the next, or stop; the last one always counts',
  ),
  stopSeconds: {
    doc: 'on Ctrl-C or SIGTERM: time for finishing the step under way; after it the run ends with the one before, in its checkpoint',
    ...real(0, 3600, 'seconds'),
    default: 15,
  },
  keepCheckpoints: {
    doc: 'newest checkpoints to keep; the best is kept as well',
    ...whole(1, 100_000, 'checkpoints'),
    default: 3,
  },
  interventions: path(
    "file with changes for a new run to repeat (learning rates set by hand, options given anew), such as another run's interventions.json",
  ),
  sharedMemory: onOff(
    'weights and gradients go to workers of this machine in shared memory; false: over NATS, as to other machines',
    true,
  ),
  leaseSeconds: {
    doc: "silence after which a worker's work goes to others",
    // A worker shows a sign of life every second.
    ...real(3, 3600, 'seconds'),
    default: 10,
  },
  dashboard: onOff('serve the live page while the run goes on', true),
  dashboardPort: {
    doc: 'port of the live page, or the next free one; 0: any free one',
    ...whole(0, 65_535, 'port'),
    default: 8088,
  },
  dashboardHost: text(
    'address on which the live page is served; 0.0.0.0: on every one of this machine, with a token in the link',
    { default: '127.0.0.1' },
  ),
  tensorboard: onOff("write TensorBoard's event files into the run folder", true),
  metricsPort: {
    doc: 'port on which Prometheus finds /metrics, beside /healthz and /readyz; 0: off',
    ...whole(0, 65_535, 'port'),
    default: 0,
  },
  metricsHost: text(
    'address on which metrics are served; 0.0.0.0: on every one of this machine, to anybody who reaches it',
    { default: '127.0.0.1' },
  ),
  logLevel: choice(['trace', 'debug', 'info', 'warn', 'error'], 'least severe lines in the log', {
    default: 'info',
  }),
});

const broker = group<Config['broker']>({
  natsUrl: {
    doc: 'NATS server to use, such as nats://host:4222 or nats://[::1]:4222, with a user and password or a token before the host where it asks for them (better in the environment variable, which no process list shows); default: start an embedded one',
    format: 'url',
    default: '',
  },
  natsUser: text('user name at the NATS server'),
  natsPassword: text(
    'password at the NATS server; better given by its environment variable, which no process list shows',
    { sensitive: true },
  ),
  natsToken: text(
    'token at the NATS server, instead of user and password; better given by its environment variable, which no process list shows',
    { sensitive: true },
  ),
  natsSeed: path(
    'file with the key or credentials for the NATS server, as `unet-fleet credentials` makes them',
  ),
  natsCa: path('certificate (PEM) of the authority that vouches for the NATS server; asks for encryption'),
  natsHost: text(
    'address that the embedded NATS server listens on; beyond this machine it is encrypted, and workers join by the URL that is printed; default: 127.0.0.1 for train, 0.0.0.0 for a coordinator',
  ),
  natsPort: {
    doc: 'port of the embedded NATS server; 0: any free one, or 4222 where other machines reach it',
    ...whole(0, 65_535, 'port'),
    default: 0,
  },
  joinHost: text(
    "name or address of this machine in the join URL; default: its first address that is not this machine's alone",
  ),
});

export const configSchema: Schema = { data, model, train, engine, run, broker };

export type GroupName = keyof Config;

/** What each group is about, for headings. */
export const groupTitles: Record<GroupName, string> = {
  data: 'Data',
  model: 'Model',
  train: 'Training',
  engine: 'Engine',
  run: 'Run',
  broker: 'Broker',
};

/** An option with its names: flag and environment variable, group and key of the config file. */
export interface OptionInfo extends OptionSpec<string | number | boolean> {
  group: GroupName;
  key: string;
  /** Path in the config file, such as train.batchSize. */
  path: string;
  /** Such as --batch-size. */
  flag: string;
}

/** All options, in the order of the schema. */
export const configOptions: readonly OptionInfo[] = (Object.keys(configSchema) as GroupName[]).flatMap(
  (groupName) =>
    Object.entries(configSchema[groupName] as Record<string, OptionSpec<string | number | boolean>>).map(
      ([key, spec]) => ({
        ...spec,
        group: groupName,
        key,
        path: `${groupName}.${key}`,
        flag: `--${kebab(key)}`,
      }),
    ),
);

/** Value of an option in a config. */
export const optionValue = (
  config: Config,
  option: Pick<OptionInfo, 'group' | 'key'>,
): string | number | boolean =>
  (config[option.group] as unknown as Record<string, string | number | boolean>)[option.key] as string;
