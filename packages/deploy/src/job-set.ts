/**
 * Coordinator and workers as one object, where the JobSet controller is installed: done when the coordinator is, failed
 * when the coordinator's Job is, and the other Job ends with it.
 */
import { coordinatorJobSpec } from './coordinator.ts';
import { type KubeObject, metadata, names } from './objects.ts';
import type { DeployOptions } from './options.ts';
import { queueLabel, workersJobSpec } from './workers.ts';

export const jobSet = (options: DeployOptions): KubeObject => ({
  apiVersion: 'jobset.x-k8s.io/v1alpha2',
  kind: 'JobSet',
  metadata: metadata(
    names.jobSet,
    options.namespace,
    null,
    options.queue === '' ? {} : { labels: queueLabel(options.queue) },
  ),
  spec: {
    // Nobody dials a pod: the broker has a Service of its own.
    network: { enableDNSHostnames: false },
    // A Job that failed has tried all that could help; starting everything again would not.
    failurePolicy: { maxRestarts: 0 },
    successPolicy: { operator: 'All', targetReplicatedJobs: ['coordinator'] },
    replicatedJobs: [
      { name: 'coordinator', replicas: 1, template: { spec: coordinatorJobSpec(options) } },
      { name: 'workers', replicas: 1, template: { spec: workersJobSpec(options) } },
    ],
  },
});
