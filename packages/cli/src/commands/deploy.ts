/**
 * `unet-fleet deploy render`: a training's recipe and what a cluster needs besides, as Kubernetes manifests. It asks no
 * cluster anything: what it prints depends on the options and the folder of credentials alone.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type DeployOptions,
  type FileName,
  fileNames,
  isUrl,
  type ManifestFile,
  paths,
  render,
  renderLoader,
  yamlOf,
} from '@unet-fleet/deploy';
import { type Config, UserError } from '@unet-fleet/shared';
import { Command } from 'commander';
import { wholeArgument } from '../arguments.ts';
import {
  addConfigFile,
  addConfigOptions,
  configFrom,
  requireFolders,
  type Selection,
} from '../config-options.ts';
import { deployCredentials } from '../deploy-credentials.ts';
import { type Io, printJson } from '../io.ts';
import { version } from '../version.ts';
import { shown } from './train.ts';

/** The training's options that a deployment leaves open; where workers, broker and run folder are follows from it. */
const selection: Selection = [
  'data',
  'model',
  'train',
  'engine',
  'run.minWorkers',
  'run.checkpointEvery',
  'run.checkpointSeconds',
  'run.onCheckpointFailure',
  'run.keepCheckpoints',
  'run.interventions',
  'run.leaseSeconds',
  'run.dashboard',
  'run.tensorboard',
  'run.logLevel',
  'broker.natsUrl',
];

interface RenderFlags extends Record<string, unknown> {
  workers?: number;
  maxWorkers?: number;
  gpu?: boolean;
  gpuResource: string;
  runtimeClass: string;
  namespace: string;
  imagePrefix: string;
  imageTag: string;
  imagePullSecret: string;
  storageClass: string;
  runSize: string;
  dataSize: string;
  dataVolume: string;
  credentials: string;
  spot?: boolean;
  jobset?: boolean;
  queue: string;
  monitoring?: boolean;
  monitoringNamespace: string;
  dashboardFrom: string;
  coordinatorCpu: string;
  coordinatorMemory: string;
  workerCpu: string;
  workerMemory?: string;
  drainSeconds: number;
  coordinatorGrace: number;
  waitRun: number;
  sampleCacheMb: number;
  only?: FileName[];
  out?: string;
  json?: boolean;
  config?: string;
}

export const deployCommand = (io: Io): Command =>
  new Command('deploy')
    .description('manifests for a run on a Kubernetes cluster')
    .addCommand(renderCommand(io));

const renderCommand = (io: Io): Command =>
  addConfigOptions(
    addConfigFile(
      new Command('render').description('print what kubectl applies, from the options of a training'),
    )
      .option(
        '--workers <n>',
        'worker pods; default: those of the recipe',
        wholeArgument('--workers', 1, 4_000),
      )
      .option(
        '--max-workers <n>',
        'workers to make keys for, so that the Job can be scaled up; default: four times --workers, 32 at least',
        wholeArgument('--max-workers', 1, 4_000),
      )
      .option('--gpu', 'a GPU for each worker')
      .option('--gpu-resource <name>', 'what the cluster calls a GPU', 'nvidia.com/gpu')
      .option('--runtime-class <name>', 'RuntimeClass of pods with a GPU, such as nvidia', '')
      .option(
        '--namespace <name>',
        'namespace of the run, which gets one of its own',
        nameArgument('--namespace'),
        'unet-fleet',
      )
      .option(
        '--image-prefix <text>',
        "what comes before the images' names, such as registry.example.org/ml/",
        '',
      )
      .option('--image-tag <tag>', 'tag of the images', version)
      .option(
        '--image-pull-secret <name>',
        'Secret with the login of the registry',
        nameArgument('--image-pull-secret'),
        '',
      )
      .option(
        '--storage-class <name>',
        "of the claims; default: the cluster's",
        nameArgument('--storage-class'),
        '',
      )
      .option('--run-size <quantity>', 'claim of the run folder', quantity('--run-size'), '20Gi')
      .option('--data-size <quantity>', "coordinator's claim of the data", quantity('--data-size'), '20Gi')
      .option(
        '--data-volume <claim>',
        'existing claim with the data, mounted in all pods as /data; default: one of the coordinator alone, from where workers fetch',
        nameArgument('--data-volume'),
        '',
      )
      .option(
        '--credentials <folder>',
        'as `unet-fleet credentials` makes it; default: credentials, made where it is not there',
        '',
      )
      .option('--spot', 'workers go to spot nodes where there are any; coordinator and broker do not')
      .option('--jobset', 'one JobSet in place of two Jobs; its controller must be installed')
      .option('--queue <name>', "Kueue's local queue for the workers", nameArgument('--queue'), '')
      .option('--monitoring', 'objects of the Prometheus Operator: what to scrape, and alerts')
      .option(
        '--monitoring-namespace <name>',
        'namespace of Prometheus',
        nameArgument('--monitoring-namespace'),
        'monitoring',
      )
      .option(
        '--dashboard-from <namespace>',
        'namespace that may open the live page, such as that of an ingress; default: kubectl port-forward alone',
        nameArgument('--dashboard-from'),
        '',
      )
      .option(
        '--coordinator-cpu <quantity>',
        'processors of the coordinator',
        quantity('--coordinator-cpu'),
        '2',
      )
      .option(
        '--coordinator-memory <quantity>',
        'memory of the coordinator',
        quantity('--coordinator-memory'),
        '4Gi',
      )
      .option(
        '--worker-cpu <quantity>',
        'processors of a worker, and its --threads',
        quantity('--worker-cpu'),
        '4',
      )
      .option(
        '--worker-memory <quantity>',
        'memory of a worker; default: 8Gi, 16Gi with a GPU',
        quantity('--worker-memory'),
      )
      .option(
        '--drain-seconds <n>',
        'time for a worker to hand over its work',
        wholeArgument('--drain-seconds', 0, 3_600),
        10,
      )
      .option(
        '--coordinator-grace <seconds>',
        'time for the coordinator to finish its step and write a checkpoint',
        wholeArgument('--coordinator-grace', 5, 3_600),
        120,
      )
      .option(
        '--wait-run <seconds>',
        'longest that a worker waits for a coordinator before it starts anew',
        wholeArgument('--wait-run', 1, 31_536_000),
        1_800,
      )
      .option(
        '--sample-cache-mb <n>',
        'megabytes of photos and masks that a worker keeps on its node',
        wholeArgument('--sample-cache-mb', 1, 100_000_000),
        20_000,
      )
      .option(
        '--only <parts>',
        `some of the files, separated by commas: ${fileNames.join(', ')}`,
        partsArgument,
      )
      .option('--out <folder>', 'write files there instead of printing them')
      .option('--json', 'print the objects, or with --out what was written, as JSON')
      .addHelpText(
        'after',
        '\nPaths are those in the pods, where the data is in /data: --images photos is /data/photos.' +
          '\n\nExamples:\n  npx unet-fleet deploy render --config recipe.yaml --workers 8 --gpu --image-prefix registry.example.org/ml/ | kubectl apply -f -' +
          '\n  npx unet-fleet deploy render --only secrets --namespace my-run | kubectl apply -f -',
      ),
    selection,
  ).action((flags: RenderFlags) => printManifests(flags, io));

async function printManifests(flags: RenderFlags, io: Io): Promise<void> {
  const config = recipeConfig(flags, io);
  const isExternal = config.broker.natsUrl !== '';
  const numWorkers = flags.workers ?? Math.max(1, config.run.workers);
  const { credentials, told } = await deployCredentials(
    {
      folder: flags.credentials,
      namespace: flags.namespace,
      isExternal,
      numWorkers,
      maxWorkers: flags.maxWorkers ?? Math.max(32, 4 * numWorkers),
    },
    io,
  );
  const options = optionsOf(flags, config, numWorkers, io.env, credentials);
  const files = wanted([...render(options, credentials), renderLoader(options)], flags.only);
  if (told !== '') io.stderr.write(`${told}\n`);
  if (flags.out !== undefined) write(files, flags.out, flags.json ?? false, io);
  else if (flags.json)
    printJson(
      io,
      files.flatMap(({ objects }) => objects),
    );
  else io.stdout.write(yamlOf(files.flatMap(({ objects }) => objects)));
}

/** Paths in it are those in the pods; the file itself lies here. */
function recipeConfig(flags: RenderFlags, io: Io): Config {
  const file = flags.config && { config: resolve(io.cwd, flags.config) };
  const config = configFrom({ ...flags, ...file }, selection, { ...io, cwd: paths.data });
  if (!flags.only || flags.only.some((name) => name === 'recipe' || name === 'coordinator'))
    requireFolders(config);
  return config;
}

function optionsOf(
  flags: RenderFlags,
  config: Config,
  workers: number,
  env: Io['env'],
  credentials: Awaited<ReturnType<typeof deployCredentials>>['credentials'],
): DeployOptions {
  const { gpu = false, dataVolume } = flags;
  if (isUrl(config.data.pack) && dataVolume !== '') {
    throw new UserError(
      '--data-volume and a --pack with a URL are both given: both say where the data is, so leave one out',
    );
  }
  if (gpu && config.engine.device === 'cpu') {
    throw new UserError('--gpu and --device cpu contradict each other: leave one out');
  }
  return {
    namespace: flags.namespace,
    workers,
    gpu,
    gpuResource: flags.gpuResource,
    runtimeClass: flags.runtimeClass,
    imagePrefix:
      flags.imagePrefix === '' || flags.imagePrefix.endsWith('/')
        ? flags.imagePrefix
        : `${flags.imagePrefix}/`,
    imageTag: flags.imageTag,
    imagePullSecret: flags.imagePullSecret,
    storageClass: flags.storageClass,
    runSize: flags.runSize,
    dataSize: flags.dataSize,
    dataVolume,
    spot: flags.spot ?? false,
    jobset: flags.jobset ?? false,
    natsUrl: config.broker.natsUrl,
    keys: { seeds: credentials !== null, ca: (credentials?.ca ?? '') !== '' },
    queue: flags.queue,
    monitoring: flags.monitoring ?? false,
    monitoringNamespace: flags.monitoringNamespace,
    dashboardFrom: flags.dashboardFrom,
    packSecrets: packSecrets(config, env),
    coordinator: { cpu: flags.coordinatorCpu, memory: flags.coordinatorMemory },
    worker: { cpu: flags.workerCpu, memory: flags.workerMemory ?? (gpu ? '16Gi' : '8Gi') },
    nats: { cpu: '500m', memory: '512Mi' },
    drainSeconds: flags.drainSeconds,
    coordinatorGraceSeconds: flags.coordinatorGrace,
    waitRunSeconds: flags.waitRun,
    sampleCacheMb: flags.sampleCacheMb,
    config,
  };
}

/** What a pack's server asks for, from the environment of this command: into a Secret, never into the recipe. */
function packSecrets({ data }: Config, env: Io['env']): Record<string, string> {
  const names = data.pack.startsWith('s3:')
    ? ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'AWS_ENDPOINT_URL']
    : [];
  const given = names.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  return Object.fromEntries(
    data.packToken === '' ? given : [...given, ['UNET_FLEET_PACK_TOKEN', data.packToken]],
  );
}

/** The files that --only names, or all but the loader. */
function wanted(files: readonly ManifestFile[], only: readonly FileName[] | undefined): ManifestFile[] {
  const chosen = files.filter(({ name }) => (only ? only.some((one) => one === name) : name !== 'loader'));
  const absent = only?.find((one) => !chosen.some(({ name }) => name === one));
  if (absent) throw new UserError(`there is no ${absent} with these options: leave it out of --only`);
  return chosen;
}

function write(files: readonly ManifestFile[], out: string, json: boolean, io: Io): void {
  const folder = resolve(io.cwd, out);
  const written = files.map(({ name, objects }) => ({ path: join(folder, `${name}.yaml`), name, objects }));
  try {
    mkdirSync(folder, { recursive: true });
    for (const { path, name, objects } of written) {
      writeFileSync(path, yamlOf(objects), { mode: name === 'secrets' ? 0o600 : 0o644 });
    }
  } catch (error) {
    throw new UserError(
      `the manifests can't be written to ${folder} (${(error as Error).message}): check --out`,
    );
  }
  if (json) {
    const rows = written.map(({ path, objects }) => ({ path, kinds: objects.map(({ kind }) => kind) }));
    printJson(io, { folder, files: rows });
  } else {
    io.stdout.write(`${written.map(({ path }) => shown(path, io)).join('\n')}\n`);
  }
}

/** Names of namespaces, claims, classes and queues. */
function nameArgument(flag: string) {
  return (text: string): string => {
    if (/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(text)) return text;
    throw new UserError(
      `${flag} ${JSON.stringify(text)} is not allowed: Kubernetes takes up to 63 small letters, digits and hyphens`,
    );
  };
}

function quantity(flag: string) {
  return (text: string): string => {
    if (/^[1-9][0-9]*(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.test(text)) return text;
    throw new UserError(
      `${flag} ${text} is not allowed: give a quantity of Kubernetes, such as 500m, 4 or 8Gi`,
    );
  };
}

function partsArgument(text: string): FileName[] {
  return text.split(',').map((part) => {
    const name = fileNames.find((known) => known === part.trim());
    if (name) return name;
    throw new UserError(`--only ${part.trim()} is not allowed: it takes ${fileNames.join(', ')}`);
  });
}
