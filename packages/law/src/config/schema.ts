/**
 * The one list of options. Flags, environment variables, config file, help texts and docs/configuration.md all come
 * from here, and nothing about an option is said twice: a new option is an entry here and a field in types.ts.
 */
import { losses, lossNames } from '../losses/index.ts';
import { architectureNames } from '../model/architectures/index.ts';
import { optimizerNames, optimizers } from '../optimizers/index.ts';
import { scheduleNames, schedules } from '../schedule/schedules.ts';
import { optionsOf } from './entry-options.ts';
import { type GroupSchema, group, kebab, type OptionSpec } from './option-spec.ts';
import type { Config } from './types.ts';

type Schema = { [G in keyof Config]: GroupSchema<Config[G]> };

const data = group<Config['data']>({
  images: { doc: 'folder of photos (jpg, png, webp, tiff, gif, bmp, npy, mat)', format: 'text', default: '' },
  masks: {
    doc: 'folder of masks (png, tiff, gif, bmp, lossless webp, npy, mat)',
    format: 'text',
    default: '',
  },
  pack: {
    doc: 'packed data set to use instead of --images and --masks: folder or URL (https://, s3://) of what `unet-fleet pack` wrote',
    format: 'text',
    default: '',
  },
  packToken: {
    doc: 'bearer token for a pack on an HTTP server; better given by its environment variable, which no process list shows',
    format: 'text',
    default: '',
    sensitive: true,
  },
  imageSuffix: {
    doc: "what a photo's file name ends in and its mask's does not, such as _sat; or begins with: img_*",
    format: 'text',
    default: '',
  },
  maskSuffix: {
    doc: "what a mask's file name ends in and its photo's does not, such as _mask; or begins with: mask_*",
    format: 'text',
    default: '',
  },
  matVariable: { doc: 'variable that holds the mask in .mat files', format: 'text', default: 'groundtruth' },
  palette: {
    doc: 'file that maps the colours of RGB or palette masks to classes',
    format: 'text',
    default: '',
  },
  classNames: {
    doc: 'file with the class names (text, JSON, or .mat cell array)',
    format: 'text',
    default: '',
  },
  numClasses: {
    doc: 'classes, background included; 0: as many as class names, or else as the masks hold',
    unit: 'classes',
    format: 'whole',
    default: 0,
    min: 0,
    max: 65_535,
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
    format: 'number',
    default: 0,
    min: 0,
    max: 65_535,
  },
  size: {
    doc: 'size that photos and masks are resized to, WIDTHxHEIGHT',
    unit: 'pixels',
    format: 'size',
    default: '',
  },
  scale: {
    doc: "without --size: training size as a factor of each photo's own",
    unit: 'factor',
    format: 'number',
    default: 0.5,
    min: 0,
    aboveMin: true,
    max: 4,
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
  orientation: {
    doc: 'photos with an EXIF orientation: turn the photo, take it as stored, or auto: as the size of its mask says',
    format: 'choice',
    values: ['auto', 'photo', 'stored'],
    default: 'auto',
    auto: 'auto',
    before: 'photo',
  },
  ignoreIndex: {
    doc: 'mask value that counts neither in the loss nor in the metrics, or several (0,255); -1 occurs in signed formats alone',
    unit: 'value',
    format: 'ignoredValues',
    default: -1,
  },
  unpaired: {
    doc: 'photos without a mask and masks without a photo: leave out with a warning, or stop',
    format: 'choice',
    values: ['warn', 'stop'],
    default: 'warn',
  },
  wrongMasks: {
    doc: 'masks of another size or with values out of range: stop, or leave out with a warning',
    format: 'choice',
    values: ['stop', 'skip'],
    default: 'stop',
  },
  followLinks: {
    doc: 'read photos and masks through links that lead out of their folder',
    format: 'switch',
    default: false,
  },
  maxPixels: {
    doc: 'pixels of one photo or mask; a file with more is refused, as a damaged one that claims them would fill the memory',
    unit: 'pixels',
    format: 'whole',
    default: 2 ** 27,
    min: 1,
    max: 2 ** 30,
  },
  split: {
    doc: 'auto: that of --train-list and --val-list, or of folders train and val, or else random; random: drawn by --seed',
    format: 'choice',
    values: ['auto', 'random'],
    default: 'auto',
  },
  trainList: {
    doc: 'file that names the photos to train on, one per line; with --val-list',
    format: 'text',
    default: '',
  },
  valList: {
    doc: 'file that names the photos to validate on, one per line; with --train-list',
    format: 'text',
    default: '',
  },
  validationShare: {
    doc: 'share of the photos that is kept for validation',
    unit: 'share',
    format: 'number',
    default: 0.1,
    min: 0,
    aboveMin: true,
    max: 1,
    belowMax: true,
    remedy: 'training and validation both need photos; 0.1 keeps every tenth for validation',
  },
});

const model = group<Config['model']>({
  architecture: {
    doc: "network: the classic U-Net, or nnU-Net's residual encoder U-Net",
    format: 'choice',
    values: architectureNames,
    default: 'unet',
  },
  baseWidth: {
    doc: 'channels of the first level; each level below doubles them',
    unit: 'channels',
    format: 'whole',
    default: 64,
    min: 1,
    max: 512,
  },
  depth: {
    doc: 'levels below the first, each of half the height and width of the one above',
    unit: 'levels',
    format: 'whole',
    default: 4,
    min: 2,
    max: 6,
  },
  upsampling: {
    doc: 'how the decoder enlarges: transposed convolution, or bilinear',
    format: 'choice',
    values: ['transposed', 'bilinear'],
    default: 'transposed',
    onlyWith: { key: 'architecture', values: ['unet'] },
  },
  norm: {
    doc: "what normalises between layers: batch, instance, or group (groups of 8); auto: the architecture's own (unet: batch, residual-encoder: instance)",
    format: 'choice',
    values: ['auto', 'batch', 'instance', 'group'],
    default: 'auto',
    auto: 'auto',
    before: 'batch',
  },
});

const train = group<Config['train']>({
  epochs: {
    doc: 'passes over the training photos',
    unit: 'epochs',
    format: 'whole',
    default: 5,
    min: 1,
    max: 1e6,
    changeable: true,
  },
  batchSize: {
    doc: 'images per optimizer step (global batch), however many workers there are',
    unit: 'images',
    format: 'whole',
    default: 1,
    min: 1,
    max: 65_536,
  },
  leafSize: {
    doc: 'images per leaf, the unit of work of a worker; 0: a quarter of the batch, rounded up',
    unit: 'images',
    format: 'whole',
    default: 0,
    min: 0,
    max: 65_536,
  },
  seed: {
    doc: 'seed of the split, the initial weights and the order of photos',
    format: 'whole',
    default: 0,
    min: 0,
    max: 0xffff_ffff,
  },
  optimizer: {
    doc: "update rule, with PyTorch's semantics",
    format: 'choice',
    values: optimizerNames,
    default: 'rmsprop',
  },
  learningRate: {
    doc: 'learning rate at the start',
    format: 'number',
    default: 0.001,
    min: 0,
    aboveMin: true,
    max: 100,
    changeable: true,
  },
  ...optionsOf('optimizer', optimizers),
  schedule: {
    doc: 'learning-rate schedule; plateau reduces it when the validation loss stops falling',
    format: 'choice',
    values: scheduleNames,
    default: 'plateau',
  },
  ...optionsOf('schedule', schedules),
  clip: {
    doc: 'how gradients are clipped: each value, their global norm, or not',
    format: 'choice',
    values: ['value', 'norm', 'none'],
    default: 'value',
  },
  clipLimit: {
    doc: 'limit of the clipping',
    format: 'number',
    default: 0.1,
    min: 0,
    aboveMin: true,
    max: 1e9,
    onlyWith: { key: 'clip', values: ['value', 'norm'] },
  },
  onNonFinite: {
    doc: 'when a loss or gradient is not a finite number: end the run and name the samples, or skip their leaf',
    format: 'choice',
    values: ['stop', 'skip'],
    default: 'stop',
  },
  loss: {
    doc: 'what training minimises, over all valid pixels of a batch',
    format: 'choice',
    values: lossNames,
    default: 'cross-entropy',
  },
  ...optionsOf('loss', losses),
  earlyStopping: {
    doc: 'validations without improvement before the run ends; 0: never',
    unit: 'validations',
    format: 'whole',
    default: 0,
    min: 0,
    max: 1e6,
    changeable: true,
  },
  validateEvery: {
    doc: 'steps between validations; 0: at the end of each epoch',
    unit: 'steps',
    format: 'whole',
    default: 0,
    min: 0,
    max: 1e9,
  },
});

const engine = group<Config['engine']>({
  device: {
    doc: 'what computes: auto takes a GPU where there is one',
    format: 'choice',
    values: ['auto', 'cpu', 'gpu'],
    default: 'auto',
  },
  threads: {
    doc: 'threads of each worker, fixed for the life of a run; 0: the cores of the machine that creates it',
    unit: 'threads',
    format: 'whole',
    default: 0,
    min: 0,
    max: 1024,
  },
  allowMixedEngines: {
    doc: 'admit workers whose engine differs, which makes the run not reproducible',
    format: 'switch',
    default: false,
  },
});

const run = group<Config['run']>({
  runDir: {
    doc: 'folder of the run: config, checkpoints, metrics, logs, pictures; default: the next free runs/NNNN',
    format: 'text',
    default: '',
  },
  workers: {
    doc: 'worker processes on this machine; 0: none, they join over the broker',
    unit: 'workers',
    format: 'whole',
    default: 1,
    min: 0,
    max: 1024,
  },
  minWorkers: {
    doc: 'workers that must be there before a step is given out',
    unit: 'workers',
    format: 'whole',
    default: 1,
    min: 1,
    max: 65_536,
  },
  checkpointEvery: {
    doc: 'steps between checkpoints, besides those at each validation; 0: none',
    unit: 'steps',
    format: 'whole',
    default: 100,
    min: 0,
    max: 1e9,
  },
  checkpointSeconds: {
    doc: 'seconds after which a commit is followed by a checkpoint; 0: never for time alone',
    unit: 'seconds',
    format: 'number',
    default: 0,
    min: 0,
    max: 1e6,
  },
  onCheckpointFailure: {
    doc: 'when a checkpoint cannot be written: train on and try again at the next, or stop; the last one always counts',
    format: 'choice',
    values: ['continue', 'stop'],
    default: 'continue',
  },
  stopSeconds: {
    doc: 'on Ctrl-C or SIGTERM: time for finishing the step under way; after it the run ends with the one before, in its checkpoint',
    unit: 'seconds',
    format: 'number',
    default: 15,
    min: 0,
    max: 3600,
  },
  keepCheckpoints: {
    doc: 'newest checkpoints to keep; the best is kept as well',
    unit: 'checkpoints',
    format: 'whole',
    default: 3,
    min: 1,
    max: 100_000,
  },
  interventions: {
    doc: "file with changes for a new run to repeat (learning rates set by hand, options given anew), such as another run's interventions.json",
    format: 'text',
    default: '',
  },
  sharedMemory: {
    doc: 'weights and gradients go to workers of this machine in shared memory; false: over NATS, as to other machines',
    format: 'switch',
    default: true,
  },
  leaseSeconds: {
    doc: "silence after which a worker's work goes to others",
    unit: 'seconds',
    format: 'number',
    default: 10,
    // A worker shows a sign of life every second.
    min: 3,
    max: 3600,
  },
  dashboard: {
    doc: 'serve the live page while the run goes on',
    format: 'switch',
    default: true,
  },
  dashboardPort: {
    doc: 'port of the live page, or the next free one; 0: any free one',
    unit: 'port',
    format: 'whole',
    default: 8088,
    min: 0,
    max: 65_535,
  },
  dashboardHost: {
    doc: 'address on which the live page is served; 0.0.0.0: on every one of this machine, with a token in the link',
    format: 'text',
    default: '127.0.0.1',
  },
  tensorboard: {
    doc: "write TensorBoard's event files into the run folder",
    format: 'switch',
    default: true,
  },
  metricsPort: {
    doc: 'port on which Prometheus finds /metrics, beside /healthz and /readyz; 0: off',
    unit: 'port',
    format: 'whole',
    default: 0,
    min: 0,
    max: 65_535,
  },
  metricsHost: {
    doc: 'address on which metrics are served; 0.0.0.0: on every one of this machine, to anybody who reaches it',
    format: 'text',
    default: '127.0.0.1',
  },
  logLevel: {
    doc: 'least severe lines in the log',
    format: 'choice',
    values: ['trace', 'debug', 'info', 'warn', 'error'],
    default: 'info',
  },
});

const broker = group<Config['broker']>({
  natsUrl: {
    doc: 'NATS server to use, such as nats://host:4222 or nats://[::1]:4222, with a user and password or a token before the host where it asks for them (better in the environment variable, which no process list shows); default: start an embedded one',
    format: 'url',
    default: '',
  },
  natsUser: { doc: 'user name at the NATS server', format: 'text', default: '' },
  natsPassword: {
    doc: 'password at the NATS server; better given by its environment variable, which no process list shows',
    format: 'text',
    default: '',
    sensitive: true,
  },
  natsToken: {
    doc: 'token at the NATS server, instead of user and password; better given by its environment variable, which no process list shows',
    format: 'text',
    default: '',
    sensitive: true,
  },
  natsSeed: {
    doc: 'file with the key or credentials for the NATS server, as `unet-fleet credentials` makes them',
    format: 'text',
    default: '',
  },
  natsCa: {
    doc: 'certificate (PEM) of the authority that vouches for the NATS server; asks for encryption',
    format: 'text',
    default: '',
  },
  natsHost: {
    doc: 'address that the embedded NATS server listens on; beyond this machine it is encrypted, and workers join by the URL that is printed; default: 127.0.0.1 for train, 0.0.0.0 for a coordinator',
    format: 'text',
    default: '',
  },
  natsPort: {
    doc: 'port of the embedded NATS server; 0: any free one, or 4222 where other machines reach it',
    unit: 'port',
    format: 'whole',
    default: 0,
    min: 0,
    max: 65_535,
  },
  joinHost: {
    doc: "name or address of this machine in the join URL; default: its first address that is not this machine's alone",
    format: 'text',
    default: '',
  },
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
