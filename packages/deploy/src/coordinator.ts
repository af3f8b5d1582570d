/**
 * The coordinator: a Job of one pod, which begins the run or goes on with it, with its claim for the run folder. Two
 * pods that coexist for a moment are told apart by the run's lock: the one with the higher term goes on.
 */
import { podFailurePolicy } from './failure-policy.ts';
import { type KubeObject, metadata, names, ports, selectorOf } from './objects.ts';
import { type DeployOptions, hasOwnData } from './options.ts';
import { stablePlacement, stayAnnotations } from './placement.ts';
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

/** Faults of nodes, disks and broker over a run of days; each waits longer, up to ten minutes, before the next start. */
const backoffLimit = 100;
/** After the step under way, for which the recipe says how long it may take, the last commit becomes a checkpoint. */
const checkpointSeconds = 60;
/** The first start reads every photo and mask before it listens. */
const startSeconds = 3_600;

export function coordinatorJobSpec(options: DeployOptions) {
  const access = brokerAccess(options, names.coordinator, { subPath: 'nats.seed' });
  return {
    completions: 1,
    parallelism: 1,
    backoffLimit,
    podReplacementPolicy: 'Failed',
    podFailurePolicy: podFailurePolicy('coordinator', 'FailJob'),
    template: podTemplate({
      component: 'coordinator',
      restartPolicy: 'Never',
      graceSeconds: Math.ceil(options.config.run.stopSeconds) + checkpointSeconds,
      annotations: stayAnnotations,
      more: stablePlacement(options),
      folders: [
        {
          volume: { name: 'recipe', configMap: { name: names.recipe } },
          mounts: [{ name: 'recipe', mountPath: paths.recipeFolder, readOnly: true }],
        },
        ...access.folders,
        claimed('state', names.run, paths.state, false),
        ...dataFolder(options),
        scratch('tmp', '/tmp', '1Gi'),
      ],
      container: {
        name: 'coordinator',
        image: imageOf('coordinator', options),
        args: [
          'coordinator',
          '--continue',
          ...['--config', paths.recipe],
          ...['--run-dir', paths.run],
          ...access.args,
          ...metricsArgs,
        ],
        // Scans and unpacked data sets outlive the pod, on the run's claim.
        env: [{ name: 'UNET_FLEET_CACHE', value: paths.stateCache }],
        ...packVariables(options),
        ports: [metricsPort, { name: 'dashboard', containerPort: ports.dashboard }],
        probes: probesOf(startSeconds),
        resources: options.coordinator,
      },
    }),
  };
}

/** The data, for reading: on the claim that is shared with the workers, or on the coordinator's own. */
const dataFolder = (options: DeployOptions) => {
  if (options.dataVolume !== '') return [claimed('data', options.dataVolume, paths.data, true)];
  return hasOwnData(options) ? [claimed('data', names.data, paths.data, true)] : [];
};

export const coordinatorJob = (options: DeployOptions): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: metadata(names.coordinator, options.namespace, 'coordinator'),
  spec: coordinatorJobSpec(options),
});

/** So that the pod has a name: for port-forwarding by hand, and for an ingress where one may reach it. */
export const coordinatorService = ({ namespace }: DeployOptions): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(names.coordinator, namespace, 'coordinator'),
  spec: {
    clusterIP: 'None',
    selector: selectorOf('coordinator'),
    ports: [
      { name: 'dashboard', port: ports.dashboard, targetPort: 'dashboard' },
      { name: 'metrics', port: ports.metrics, targetPort: 'metrics' },
    ],
  },
});
