/** The options of `unet-fleet deploy render` that are not the training's, and what a deployment becomes with them. */

import { isUrl } from '@unet-fleet/config';
import { loadConfig } from '@unet-fleet/config/load';
import {
  type DeployOptions,
  defaultOptions,
  type FileName,
  fileNames,
  gpuWorkerMemory,
} from '@unet-fleet/deploy';
import { type Config, UserError } from '@unet-fleet/law';
import type { Command } from 'commander';
import { wholeArgument } from './arguments.ts';
import type { Selection } from './config-options.ts';
import type { Io } from './io.ts';
import { version } from './version.ts';

/** The training's options that a deployment leaves open; where workers, broker and run folder are follows from it. */
export const deploySelection: Selection = [
  'data',
  'model',
  'train',
  'engine',
  'run.minWorkers',
  'run.checkpointEvery',
  'run.checkpointSeconds',
  'run.onCheckpointFailure',
  'run.stopSeconds',
  'run.keepCheckpoints',
  'run.interventions',
  'run.leaseSeconds',
  'run.dashboard',
  'run.tensorboard',
  'run.logLevel',
  'broker.natsUrl',
];

/** Those that are a field of the deployment just so. */
type Plain =
  | 'workers'
  | 'gpu'
  | 'gpuResource'
  | 'runtimeClass'
  | 'namespace'
  | 'imageTag'
  | 'imagePullSecret'
  | 'storageClass'
  | 'runSize'
  | 'dataSize'
  | 'dataVolume'
  | 'workerNodes'
  | 'spot'
  | 'jobset'
  | 'queue'
  | 'monitoring'
  | 'monitoringNamespace'
  | 'dashboardFrom'
  | 'drainSeconds'
  | 'sampleCacheMb';

export interface RenderFlags extends Partial<Pick<DeployOptions, Plain>>, Record<string, unknown> {
  namespace: string;
  maxWorkers?: number;
  imagePrefix?: string;
  credentials?: string;
  coordinatorCpu?: string;
  coordinatorMemory?: string;
  workerCpu?: string;
  workerMemory?: string;
  waitRun?: number;
  only?: FileName[];
  out?: string;
  json?: boolean;
  config?: string;
}

const defaults = defaultOptions(loadConfig({}), version);

/** Adds the options, with their checks. */
export function addDeployOptions(command: Command): Command {
  const name = (flag: string, doc: string, value?: string) =>
    command.option(`--${flag} <name>`, doc, nameArgument(`--${flag}`), value);
  const size = (flag: string, doc: string, value?: string) =>
    command.option(`--${flag} <quantity>`, doc, quantityArgument(`--${flag}`), value);
  const whole = (flag: string, doc: string, min: number, max: number, value?: number) =>
    command.option(`--${flag} <n>`, doc, wholeArgument(`--${flag}`, min, max), value);
  whole('workers', 'worker pods; default: those of the recipe', 1, 4_000);
  whole(
    'max-workers',
    'workers to make keys for, so that there can be more later; default: four times --workers, 32 at least',
    1,
    4_000,
  );
  command.option('--gpu', 'a GPU for each worker');
  command.option('--gpu-resource <name>', 'what the cluster calls a GPU', defaults.gpuResource);
  name('runtime-class', 'RuntimeClass of pods with a GPU, such as nvidia');
  name('namespace', 'namespace of the run, which gets one of its own', defaults.namespace);
  command.option(
    '--image-prefix <text>',
    "what comes before the images' names, such as registry.example.org/ml/",
  );
  command.option('--image-tag <tag>', 'tag of the images', defaults.imageTag);
  name('image-pull-secret', 'Secret with the login of the registry');
  name('storage-class', "of the claims; default: the cluster's");
  size('run-size', 'claim of the run folder', defaults.runSize);
  size('data-size', "coordinator's claim of the data", defaults.dataSize);
  name(
    'data-volume',
    'existing claim with the data, mounted in all pods as /data; default: one of the coordinator alone, from where workers fetch',
  );
  command.option(
    '--credentials <folder>',
    'as `unet-fleet credentials` makes it; default: credentials, made where it is not there; with --nats-url none',
  );
  command.option(
    '--worker-nodes <labels>',
    'labels of the nodes for workers, such as nvidia.com/gpu.product=NVIDIA-H200: those of one kind compute the same bits',
    labelsArgument,
  );
  command.option('--spot', 'workers go to spot nodes where there are any; coordinator and broker do not');
  command.option('--jobset', 'one JobSet in place of two Jobs; its controller must be installed');
  name('queue', "Kueue's local queue for the workers");
  command.option('--monitoring', 'objects of the Prometheus Operator: what to scrape, and alerts');
  name('monitoring-namespace', 'namespace of Prometheus', defaults.monitoringNamespace);
  name(
    'dashboard-from',
    'namespace that may open the live page, such as that of an ingress; default: kubectl port-forward alone',
  );
  size('coordinator-cpu', 'processors of the coordinator', defaults.coordinator.cpu);
  size('coordinator-memory', 'memory of the coordinator', defaults.coordinator.memory);
  size('worker-cpu', 'processors of a worker, and its --threads', defaults.worker.cpu);
  size(
    'worker-memory',
    `memory of a worker; default: ${defaults.worker.memory}, with a GPU ${gpuWorkerMemory}`,
  );
  whole('drain-seconds', 'time for a worker to hand over its work', 0, 3_600, defaults.drainSeconds);
  whole(
    'wait-run',
    'seconds that a worker waits for a coordinator before it ends, to be started anew',
    1,
    31_536_000,
    defaults.waitRunSeconds,
  );
  whole(
    'sample-cache-mb',
    'megabytes of photos and masks that a worker keeps on its node',
    1,
    100_000_000,
    defaults.sampleCacheMb,
  );
  command.option(
    '--only <parts>',
    `some of the files, separated by commas: ${fileNames.join(', ')}`,
    partsArgument,
  );
  command.option('--out <folder>', 'write files there instead of printing them');
  return command.option('--json', 'print the objects, or with --out what was written, as JSON');
}

/** The deployment that the flags ask for. Throws a UserError where they contradict each other or the recipe. */
export function deployOptions(flags: RenderFlags, config: Config, env: Io['env']): DeployOptions {
  const { gpu = false, dataVolume = '', imagePrefix = '' } = flags;
  if (isUrl(config.data.pack) && dataVolume !== '') {
    throw new UserError(
      '--data-volume and a --pack with a URL are both given: both say where the data is, so leave one out',
    );
  }
  if (/^[a-z0-9+.-]+:\/\/[^/]*@/i.test(config.data.pack)) {
    throw new UserError(
      'the password in the URL of --pack would be in the manifests of pods: leave it out, and give a token with --pack-token, which becomes a Secret',
    );
  }
  if (config.broker.natsUser !== '' || config.broker.natsToken !== '') {
    throw new UserError(
      'the user or token in --nats-url would be in the manifests of pods: leave it out, for theirs is a key, which becomes a Secret',
    );
  }
  if (gpu && config.engine.device === 'cpu') {
    throw new UserError('--gpu and --device cpu are both given: leave one out');
  }
  if (!gpu && config.engine.device === 'gpu') {
    throw new UserError('--device gpu needs --gpu, which asks the cluster for GPUs');
  }
  const base = defaultOptions(config, version);
  const given = Object.fromEntries(
    Object.keys(base)
      .filter((key) => key in flags && flags[key] !== undefined)
      .map((key) => [key, flags[key]]),
  ) as Partial<DeployOptions>;
  return {
    ...base,
    ...given,
    imagePrefix: imagePrefix === '' || imagePrefix.endsWith('/') ? imagePrefix : `${imagePrefix}/`,
    workers: flags.workers ?? Math.max(1, config.run.workers),
    natsUrl: config.broker.natsUrl,
    packSecrets: packSecrets(config, env),
    coordinator: {
      cpu: flags.coordinatorCpu ?? base.coordinator.cpu,
      memory: flags.coordinatorMemory ?? base.coordinator.memory,
    },
    worker: {
      cpu: flags.workerCpu ?? base.worker.cpu,
      memory: flags.workerMemory ?? (gpu ? gpuWorkerMemory : base.worker.memory),
    },
    waitRunSeconds: flags.waitRun ?? base.waitRunSeconds,
    config,
  };
}

/** What a pack's server asks for, from the environment of this command: into a Secret, never into the recipe. */
function packSecrets({ data }: Config, env: Io['env']): Record<string, string> {
  const names = data.pack.startsWith('s3:')
    ? ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'AWS_ENDPOINT_URL']
    : [];
  const given = names.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  const token = data.packToken === '' ? [] : [['UNET_FLEET_PACK_TOKEN', data.packToken] as const];
  return Object.fromEntries([...given, ...token]);
}

/** Names of namespaces, claims, classes and queues. */
const nameArgument =
  (flag: string) =>
  (text: string): string => {
    const isName =
      flag === '--namespace'
        ? /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
        : /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
    if (isName.test(text)) return text;
    throw new UserError(
      `${flag} ${JSON.stringify(text)} is not allowed: a name in Kubernetes has small letters, digits and hyphens, and begins and ends with a letter or digit`,
    );
  };

const quantityArgument =
  (flag: string) =>
  (text: string): string => {
    if (/^([1-9][0-9]*(\.[0-9]+)?|0\.[0-9]*[1-9])(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.test(text)) return text;
    throw new UserError(
      `${flag} ${text} is not allowed: give a quantity of Kubernetes, such as 500m, 4 or 8Gi`,
    );
  };

const labelPattern = /^([a-zA-Z0-9./_-]{1,316})=([a-zA-Z0-9._-]{1,63})$/;

function labelsArgument(text: string): Record<string, string> {
  const labels = text.split(',').map((label): [string, string] => {
    const [, key, value] = labelPattern.exec(label.trim()) ?? [];
    if (key && value) return [key, value];
    throw new UserError(
      `--worker-nodes ${text} is not allowed: give labels as key=value, separated by commas`,
    );
  });
  return Object.fromEntries(labels);
}

function partsArgument(text: string): FileName[] {
  return text.split(',').map((part) => {
    const name = fileNames.find((known) => known === part.trim());
    if (name) return name;
    throw new UserError(`--only ${part.trim()} is not allowed: it takes ${fileNames.join(', ')}`);
  });
}
