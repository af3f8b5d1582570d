/** Runs that can't be: their Jobs must fail at once, and the pod's status must say to a person why. */
import type { Json } from './client.ts';
import type { Cluster } from './cluster.ts';
import { Deployment } from './deployment.ts';

export interface ConfigError {
  name: string;
  /** From the deployment to the end of the coordinator's Job. */
  seconds: number;
  /** Reason of the Job's condition. */
  reason: string;
  /** What the pod's status says. */
  message: string;
  faults: string[];
}

const cases = [
  { name: 'no-such-folder', flags: ['--masks', 'nowhere'], says: /\/data\/nowhere/ },
  { name: 'batch-too-large', flags: ['--validation-share', '0.999'], says: /--batch-size/ },
] as const;

const withinMs = 120_000;

export async function configErrors(
  cluster: Cluster,
  recipe: readonly string[],
  data: string,
): Promise<ConfigError[]> {
  const results: ConfigError[] = [];
  for (const { name, flags, says } of cases) {
    const startMs = performance.now();
    const options = [...recipe, '--workers', '1', '--worker-cpu', '1', ...flags];
    const deployment = await Deployment.start(cluster, name, options, data);
    await deployment.untilOver(withinMs);
    const seconds = (performance.now() - startMs) / 1000;
    const { state, reason } = deployment.outcome('coordinator');
    const pods: Json[] = deployment.pods('coordinator');
    const message: string = pods[0]?.status.containerStatuses?.[0].state.terminated?.message ?? '';
    const faults: string[] = [];
    if (state !== 'Failed' || reason !== 'PodFailurePolicy') {
      faults.push(`${name}: the Job is ${state || 'going on'} ${reason}\n${deployment.describe()}`);
    }
    if (pods.length !== 1) faults.push(`${name}: ${pods.length} pods were tried instead of one`);
    if (!says.test(message)) faults.push(`${name}: the pod's message does not say ${says}: ${message}`);
    results.push({ name, seconds, reason, message: message.trim(), faults });
    await deployment.remove();
  }
  return results;
}
