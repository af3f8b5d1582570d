/**
 * The workers: an Indexed Job whose pods dial out to the broker and nothing else. A worker ends with code 0 only when
 * the run is complete, so one success is the Job's. Each pod sees the key of its own index alone.
 */
import { isUrl } from '@unet-fleet/config';
import { podFailurePolicy } from './failure-policy.ts';
import { type KubeObject, metadata, names, selectorOf } from './objects.ts';
import type { DeployOptions } from './options.ts';
import { workerPlacement } from './placement.ts';
import {
  brokerAccess,
  claimed,
  imageOf,
  metricsArgs,
  metricsPort,
  packVariables,
  podTemplate,
  probesOf,
  scratch,
} from './pod.ts';
import { paths } from './recipe.ts';

/** Faults of one index over the run, beside evictions, which do not count. */
const backoffLimitPerIndex = 10;
/** The engine's libraries are loaded from the image, which a fresh node may still be unpacking. */
const startSeconds = 300;
/** Between the end of the drain and SIGKILL: the process ends. */
const exitSeconds = 5;
/** Beside the samples: what is unpacked, and the file that is being written. */
const cacheSlackMb = 1_000;
const index = '$(JOB_COMPLETION_INDEX)';

export function workersJobSpec(options: DeployOptions) {
  const { workers, gpu, gpuResource, dataVolume, config } = options;
  const access = brokerAccess(options, names.workers, { subPathExpr: `${index}.seed` });
  return {
    completionMode: 'Indexed',
    completions: workers,
    parallelism: workers,
    backoffLimitPerIndex,
    podReplacementPolicy: 'Failed',
    podFailurePolicy: podFailurePolicy('worker', 'FailIndex'),
    successPolicy: { rules: [{ succeededCount: 1 }] },
    template: podTemplate({
      component: 'worker',
      restartPolicy: 'Never',
      graceSeconds: options.drainSeconds + exitSeconds,
      more: workerPlacement(options),
      folders: [
        ...access.folders,
        ...(dataVolume === '' ? [] : [claimed('data', dataVolume, paths.data, true)]),
        scratch('cache', paths.cache, `${options.sampleCacheMb + cacheSlackMb}M`),
        scratch('tmp', '/tmp', '1Gi'),
      ],
      container: {
        name: 'worker',
        image: imageOf(gpu ? 'worker-gpu' : 'worker', options),
        args: [
          'worker',
          ...['--name', `${names.workers}-${index}`],
          ...access.args,
          // A pack on the coordinator's claim is fetched from the coordinator.
          ...(isUrl(config.data.pack) || (config.data.pack !== '' && dataVolume !== '')
            ? ['--pack', config.data.pack]
            : []),
          ...['--wait-run', String(options.waitRunSeconds)],
          ...['--drain-seconds', String(options.drainSeconds)],
          ...['--sample-cache', paths.samples],
          ...['--sample-cache-mb', String(options.sampleCacheMb)],
          ...metricsArgs,
        ],
        env: [{ name: 'UNET_FLEET_CACHE', value: paths.cache }],
        ...packVariables(options),
        ports: [metricsPort],
        probes: probesOf(startSeconds),
        resources: options.worker,
        ...(gpu && { devices: { [gpuResource]: 1 } }),
      },
    }),
  };
}

/** Kueue may begin with fewer workers than are asked for: the run needs any number of them. */
const queueAnnotations = {
  'kueue.x-k8s.io/job-min-parallelism': '1',
  'kueue.x-k8s.io/job-completions-equal-parallelism': 'true',
} as const;

export const queueLabel = (queue: string) => ({ 'kueue.x-k8s.io/queue-name': queue });

export const workersJob = (options: DeployOptions): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: metadata(
    names.workers,
    options.namespace,
    'worker',
    options.queue === '' ? {} : { labels: queueLabel(options.queue), annotations: queueAnnotations },
  ),
  spec: workersJobSpec(options),
});

/**
 * Keeps one worker that has joined while nodes are drained one after the other. A Job's pods can be counted by a whole
 * number alone; with a single worker it would hold up every drain.
 */
export const workersBudget = ({ namespace }: DeployOptions): KubeObject => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: metadata(names.workers, namespace, 'worker'),
  spec: {
    minAvailable: 1,
    selector: { matchLabels: selectorOf('worker') },
    // One that cannot join is no loss.
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  },
});
