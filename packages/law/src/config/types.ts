/**
 * The shape of a run's configuration, grouped as in the config file. The convict schema in schema.ts is the one
 * place that gives each option its help, unit, default and check; this file is what the rest of the code sees.
 */

import type { LossName, LossOptionValues } from '../losses/index.ts';
import type { Upsampling } from '../model/architecture-options.ts';
import type { ArchitectureName } from '../model/architectures/index.ts';
import type { NormKind } from '../model/graph-builder.ts';
import type { Precision } from '../model/precision.ts';
import type { OptimizerName, OptimizerOptions } from '../optimizers/index.ts';
import type { WireName } from '../plan/wire-format.ts';
import type { ScheduleName, ScheduleOptions } from '../schedule/schedules.ts';

export interface DataConfig {
  images: string;
  masks: string;
  /** Folder or URL of a packed data set, which is used instead of images and masks; '' for none. */
  pack: string;
  /** Bearer token for a pack on an HTTP server; '' for none. */
  packToken: string;
  /** What a photo's file name has after the id, as in car01_sat.jpg. */
  imageSuffix: string;
  /** What a mask's file name has after the photo's id, as in car01_mask.png. */
  maskSuffix: string;
  matVariable: string;
  /** File that maps colours of RGB or palette masks to classes; '' for index masks. */
  palette: string;
  /** Text, JSON or .mat list of class names; '' for none. */
  classNames: string;
  /** 0: as many as there are class names, or else the highest mask value + 1. */
  numClasses: number;
  /** 'auto', 'as-is', or the values of the masks that are the classes, in their order (mask-values.ts). */
  maskValues: string;
  /** Values from this one on are class 1, those below class 0; 0: no threshold. */
  maskThreshold: number;
  /** WIDTHxHEIGHT; '' to use scale. */
  size: string;
  scale: number;
  channels: 1 | 3 | 4;
  /** What becomes 0..1: auto, type, or LOW..HIGH, of a type where auto was resolved (parseValueRange). */
  valueRange: string;
  /** Whether photos are turned by their EXIF orientation; auto: as their masks lie. */
  orientation: 'auto' | 'photo' | 'stored';
  /** Mask value that neither counts in the loss nor in the metrics; of several their list (ignoredValues). */
  ignoreIndex: number | string;
  unpaired: 'warn' | 'stop';
  wrongMasks: 'stop' | 'skip';
  /** Whether links may lead out of the folders of photos and masks. */
  followLinks: boolean;
  /** Pixels of one photo or mask; a file with more is refused. */
  maxPixels: number;
  /** Whether a split that the data brings along is taken, or one is drawn in any case. */
  split: 'auto' | 'random';
  /** Files that name the photos of either part; '' for none. */
  trainList: string;
  valList: string;
  validationShare: number;
}

export interface ModelOptions {
  architecture: ArchitectureName;
  baseWidth: number;
  /** How often height and width are halved. */
  depth: number;
  upsampling: Upsampling;
  /** auto: the architecture's own. */
  norm: 'auto' | NormKind;
  /** Share of values; 0: none. */
  dropout: number;
}

/** With the options of optimizers, schedules and losses, which are described there. */
export interface TrainConfig extends OptimizerOptions, ScheduleOptions, LossOptionValues {
  epochs: number;
  /** Images per optimizer update (the global batch). */
  batchSize: number;
  /** Images per leaf; 0: a quarter of the batch, rounded up. */
  leafSize: number;
  seed: number;
  optimizer: OptimizerName;
  learningRate: number;
  schedule: ScheduleName;
  clip: 'value' | 'norm' | 'none';
  clipLimit: number;
  /**
   * What becomes of a leaf whose loss or gradient is not finite: the run ends, goes on as if it had no valid pixel, or has it
   * computed again in float32 and ends if that does not help.
   */
  onNonFinite: 'stop' | 'skip' | 'retry-float32';
  loss: LossName;
  /** How gradients and weights travel (plan/wire-format.ts). */
  wire: WireName;
  /** Validations without improvement before the run ends; 0: never. */
  earlyStopping: number;
  /** Steps between validations; 0: at the end of every epoch. */
  validateEvery: number;
}

export interface EngineConfig {
  device: 'auto' | 'cpu' | 'gpu';
  /** Intra-op threads of every worker; 0: the cores of the machine that creates the run. Part of the run's identity. */
  threads: number;
  /** Of convolutions, their gradients and the maps between layers. */
  precision: Precision;
  allowMixedEngines: boolean;
}

export interface RunOptions {
  /** Folder that holds the run's config, checkpoints, logs and pictures. */
  runDir: string;
  /** Worker processes started on this machine. */
  workers: number;
  minWorkers: number;
  /** Processes with reducers that the run waits for, and for how many seconds; 0: none, the coordinator reduces. */
  reducers: number;
  reducerSeconds: number;
  /** Steps between checkpoints beside those at each validation; 0: none. */
  checkpointEvery: number;
  /** Seconds after which a commit is followed by a checkpoint; 0: never for time alone. */
  checkpointSeconds: number;
  onCheckpointFailure: 'continue' | 'stop';
  /** Seconds that a run that is asked to stop waits for the step under way. */
  stopSeconds: number;
  keepCheckpoints: number;
  /** File with changes of the learning rate that a new run repeats; '' for none. */
  interventions: string;
  /** Whether workers of this host are handed bulk values in shared memory. */
  sharedMemory: boolean;
  /** Seconds without a heartbeat after which a worker's leases go to others. */
  leaseSeconds: number;
  /** Whether the live page is served, and where; port 0: any free one. */
  dashboard: boolean;
  dashboardPort: number;
  dashboardHost: string;
  /** Whether TensorBoard's event files are written. */
  tensorboard: boolean;
  /** Of the server of metrics and probes; 0: none. */
  metricsPort: number;
  metricsHost: string;
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
}

export interface BrokerConfig {
  /** '' starts an embedded nats-server. */
  natsUrl: string;
  natsUser: string;
  natsPassword: string;
  natsToken: string;
  /** Path of a file with a key or credentials; '' for none. */
  natsSeed: string;
  /** Path of the certificate of the authority that vouches for the server; '' for the system's. */
  natsCa: string;
  /** Address that the embedded server listens on; '' for what the command means: this machine alone, or all. */
  natsHost: string;
  /** Port of the embedded server; 0: any free one, or NATS's own where other machines reach it. */
  natsPort: number;
  /** Host in the join URL and the embedded server's certificate; '' for this machine's first address. */
  joinHost: string;
}

export interface Config {
  data: DataConfig;
  model: ModelOptions;
  train: TrainConfig;
  engine: EngineConfig;
  run: RunOptions;
  broker: BrokerConfig;
}
