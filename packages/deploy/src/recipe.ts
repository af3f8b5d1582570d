/**
 * The training's config as a file in a ConfigMap: what differs from the defaults, without secrets, and without what the
 * deployment itself decides. Paths are those in the pods.
 */
import { type Config, configOptions, optionValue } from '@unet-fleet/law';
import { stringify } from 'yaml';
import { type KubeObject, metadata, names, type Value } from './objects.ts';
import type { DeployOptions } from './options.ts';

/** Where pods find data, recipe and keys, and where they write. */
export const paths = {
  data: '/data',
  recipeFolder: '/etc/unet-fleet/recipe',
  recipe: '/etc/unet-fleet/recipe/recipe.yaml',
  seed: '/etc/unet-fleet/key/nats.seed',
  ca: '/etc/unet-fleet/key/ca.pem',
  brokerFolder: '/etc/nats',
  brokerConfig: '/etc/nats/nats-server.conf',
  state: '/run/unet-fleet',
  run: '/run/unet-fleet/run',
  stateCache: '/run/unet-fleet/cache',
  cache: '/var/cache/unet-fleet',
  samples: '/var/cache/unet-fleet/samples',
} as const;

/** Options that the manifests give as arguments, as they follow from the pods. */
const decided = new Set(['run.runDir', 'run.workers', 'run.metricsPort', 'run.metricsHost']);

/** Cores that a worker asks for: its threads must not depend on the node that it comes to. */
const coresOf = (cpu: string): number =>
  Math.max(1, Math.floor(cpu.endsWith('m') ? Number(cpu.slice(0, -1)) / 1_000 : Number(cpu)));

/** The config with what a cluster settles: one kind of device, a fixed number of threads, no shared memory. */
function settled({ config, gpu, worker, dashboardFrom }: DeployOptions): Config {
  const { engine, run } = config;
  return {
    ...config,
    engine: {
      ...engine,
      device: engine.device === 'auto' ? (gpu ? 'gpu' : 'cpu') : engine.device,
      threads: engine.threads || coresOf(worker.cpu),
    },
    run: {
      ...run,
      // Pods share no /dev/shm.
      sharedMemory: false,
      dashboardHost: dashboardFrom === '' ? run.dashboardHost : '0.0.0.0',
    },
  };
}

/** The recipe as text: a config file that `--config` reads. */
export function recipeText(options: DeployOptions): string {
  const config = settled(options);
  const groups: Record<string, Record<string, Value>> = {};
  for (const option of configOptions) {
    const value = optionValue(config, option);
    const isTold = value !== option.default && !option.sensitive && !decided.has(option.path);
    if (!isTold || option.group === 'broker') continue;
    groups[option.group] = { ...groups[option.group], [option.key]: value };
  }
  return stringify(groups, { lineWidth: 0 });
}

export const recipe = (options: DeployOptions): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: metadata(names.recipe, options.namespace, null),
  data: { 'recipe.yaml': recipeText(options) },
});
