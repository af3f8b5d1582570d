/**
 * Which commands there are: all that the list of them shows. What a command is made of is loaded when it is called, so
 * that each process loads its own command alone.
 */
import type { Command } from 'commander';
import type { Io } from '../io.ts';

export interface ListedCommand {
  name: string;
  description: string;
  /** What follows the name where it is listed; a test holds it against the command. */
  takes: string;
  load(io: Io): Promise<Command>;
}

const options = '[options]';
const ofRun = '[options] [run]';

export const commandList: readonly ListedCommand[] = [
  {
    name: 'quickstart',
    description: 'set up, make sample data, train on it with two workers, evaluate, predict',
    takes: '',
    load: async (io) => (await import('./quickstart.ts')).quickstartCommand(io),
  },
  {
    name: 'setup',
    description: 'fetch and build what training needs, once per user: TensorFlow, its addon, the broker',
    takes: options,
    load: async (io) => (await import('./setup.ts')).setupCommand(io),
  },
  {
    name: 'doctor',
    description: 'say what is there: Node.js, engine, GPUs, broker, disks, and what each missing thing costs',
    takes: options,
    load: async (io) => (await import('./doctor.ts')).doctorCommand(io),
  },
  {
    name: 'sample',
    description: 'write a sample set to try: figures in clothes, photos and .mat masks, 6 classes and null',
    takes: options,
    load: async (io) => (await import('./sample.ts')).sampleCommand(io),
  },
  {
    name: 'inspect',
    description: 'show what is in the data: counts, sizes, classes, faults, and a contact sheet',
    takes: options,
    load: async (io) => (await import('./inspect.ts')).inspectCommand(io),
  },
  {
    name: 'pack',
    description: 'write the data set as a few large files with an index, to be read with --pack',
    takes: options,
    load: async (io) => (await import('./pack.ts')).packCommand(io),
  },
  {
    name: 'train',
    description: 'train a U-Net, with coordinator, workers and broker on this machine',
    takes: options,
    load: async (io) => (await import('./train.ts')).runCommand('train', io),
  },
  {
    name: 'coordinator',
    description:
      'coordinate a run whose workers join from other machines, by the URL that is printed or over --nats-url',
    takes: options,
    load: async (io) => (await import('./train.ts')).runCommand('coordinator', io),
  },
  {
    name: 'worker',
    description:
      "compute for a run: joins by the coordinator's URL (--join), or over a NATS server (--nats-url)",
    takes: options,
    load: async (io) => (await import('./worker.ts')).workerProcessCommand(io),
  },
  {
    name: 'reducer',
    description:
      'reduce and optimize for a run whose coordinator has --reducers: joins by its URL for reducers (--join), or over a NATS server (--nats-url)',
    takes: options,
    load: async (io) => (await import('./reducer.ts')).reducerCommand(io),
  },
  {
    name: 'credentials',
    description:
      "make what secures a fleet's broker: a key for each role, TLS certificates, its configuration",
    takes: options,
    load: async (io) => (await import('./credentials.ts')).credentialsCommand(io),
  },
  {
    name: 'deploy',
    description: 'manifests for a run on a Kubernetes cluster',
    takes: '',
    load: async (io) => (await import('./deploy.ts')).deployCommand(io),
  },
  {
    name: 'dashboard',
    description: 'look at runs that have ended, or go on elsewhere, on a page in the browser',
    takes: '[options] [runs]',
    load: async (io) => (await import('./dashboard.ts')).dashboardCommand(io),
  },
  {
    name: 'status',
    description: 'what a run is doing, who is awaited, since when, why, and what happens then',
    takes: ofRun,
    load: async (io) => (await import('./status.ts')).statusCommand(io),
  },
  {
    name: 'report',
    description:
      'write a run as one HTML file: config, curves, masks, scores, timeline, faults; to read and to send',
    takes: ofRun,
    load: async (io) => (await import('./report.ts')).reportCommand(io),
  },
  {
    name: 'csv',
    description: 'write the metrics of a run as CSV: steps, validations with IoU per class, workers, events',
    takes: ofRun,
    load: async (io) => (await import('./csv.ts')).csvCommand(io),
  },
  {
    name: 'ledger',
    description:
      'who computed what in a run: shares, rejected answers, repeated and skipped leaves, outliers',
    takes: ofRun,
    load: async (io) => (await import('./ledger.ts')).ledgerCommand(io),
  },
  {
    name: 'replay',
    description:
      'compute a step of a run again and compare it with the ledger: finds a machine that computes wrongly',
    takes: ofRun,
    load: async (io) => (await import('./replay.ts')).replayCommand(io),
  },
  {
    name: 'evaluate',
    description: 'score a trained model: loss, accuracy, IoU and Dice per class, confusion matrix',
    takes: ofRun,
    load: async (io) => (await import('./evaluate.ts')).evaluateCommand(io),
  },
  {
    name: 'predict',
    description: 'segment photos: index mask, grey map, overlay and figure of each, at its own size',
    takes: '[options] <photos...>',
    load: async (io) => (await import('./predict.ts')).predictCommand(io),
  },
  {
    name: 'config',
    description: 'list every option: flag, variable, key of the config file, unit, default, range',
    takes: options,
    load: async (io) => (await import('./config.ts')).configCommand(io),
  },
];
