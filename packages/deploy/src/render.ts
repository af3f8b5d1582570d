/** The whole deployment: which objects there are, in which files, in an order in which they can be applied. */
import { stringify } from 'yaml';
import { coordinatorJob, coordinatorService } from './coordinator.ts';
import { jobSet } from './job-set.ts';
import { monitoring } from './monitoring.ts';
import { natsDeployment, natsService } from './nats.ts';
import { networkPolicies } from './network.ts';
import { type KubeObject, names, selectorOfAll } from './objects.ts';
import { type Credentials, type DeployOptions, hasBroker } from './options.ts';
import { serviceAccount } from './pod.ts';
import { recipe } from './recipe.ts';
import { secrets } from './secrets.ts';
import { claims, loader } from './storage.ts';
import { workersBudget, workersJob } from './workers.ts';

export interface ManifestFile {
  /** Without folder and extension, such as 'nats'. */
  name: string;
  objects: readonly KubeObject[];
}

/** All that can be asked for; the loader only by name. */
export const fileNames = [
  'namespace',
  'accounts',
  'network',
  'recipe',
  'secrets',
  'storage',
  'nats',
  'coordinator',
  'workers',
  'jobset',
  'monitoring',
  'loader',
] as const;
export type FileName = (typeof fileNames)[number];

/** All objects of a deployment by file; files without objects are left out. */
export function render(options: DeployOptions, credentials: Credentials | null): ManifestFile[] {
  const { jobset } = options;
  const budget = options.workers > 1 ? [workersBudget(options)] : [];
  const files: Record<Exclude<FileName, 'loader'>, KubeObject[]> = {
    namespace: [namespace(options.namespace)],
    accounts: [
      serviceAccount('coordinator', names.coordinator, options),
      serviceAccount('worker', names.workers, options),
      ...(hasBroker(options) ? [serviceAccount('nats', names.nats, options)] : []),
    ],
    network: networkPolicies(options),
    recipe: [recipe(options)],
    secrets: secrets(options, credentials),
    storage: claims(options),
    nats: hasBroker(options) ? [natsService(options), natsDeployment(options)] : [],
    coordinator: [coordinatorService(options), ...(jobset ? [] : [coordinatorJob(options)])],
    workers: [...budget, ...(jobset ? [] : [workersJob(options)])],
    jobset: jobset ? [jobSet(options)] : [],
    monitoring: options.monitoring ? monitoring(options) : [],
  };
  return Object.entries(files)
    .map(([name, objects]) => ({ name, objects }))
    .filter(({ objects }) => objects.length > 0);
}

/** The pod that holds the claims while something is copied; not among the others, as it must be gone when they start. */
export const renderLoader = (options: DeployOptions): ManifestFile => ({
  name: 'loader',
  objects: [loader(options)],
});

const restricted = ['enforce', 'audit', 'warn'].map(
  (mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted'] as const,
);

const namespace = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { ...selectorOfAll, ...Object.fromEntries(restricted) } },
});

/** Objects as a stream of YAML documents, in the 1.1 that kubectl reads: there, an unquoted "on" is no text. */
export const yamlOf = (objects: readonly unknown[]): string =>
  objects
    .map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' }))
    .join('---\n');
