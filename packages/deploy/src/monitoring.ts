/** Objects of the Prometheus Operator: what is to be scraped, and what a person should hear of (docs/metrics.md). */
import { type KubeObject, metadata, selectorOfAll } from './objects.ts';
import type { DeployOptions } from './options.ts';

interface Alert {
  name: string;
  expression: (namespace: string) => string;
  minutes: number;
  severity: 'critical' | 'warning';
  summary: string;
}

const alerts: readonly Alert[] = [
  {
    name: 'UnetFleetJobFailed',
    // Of kube-state-metrics, which most clusters with the operator have.
    expression: (namespace) =>
      `kube_job_failed{namespace="${namespace}", job_name=~"unet-fleet-.+", condition="true"} == 1`,
    minutes: 0,
    severity: 'critical',
    summary: 'A Job of the training has failed; its last pod says why: kubectl describe pod',
  },
  {
    name: 'UnetFleetNoWorkers',
    expression: (namespace) => `unet_fleet_workers{namespace="${namespace}"} == 0`,
    minutes: 10,
    severity: 'warning',
    summary: 'No worker has joined the run for 10 minutes',
  },
  {
    name: 'UnetFleetNoProgress',
    expression: (namespace) =>
      `increase(unet_fleet_steps_total{namespace="${namespace}"}[30m]) == 0 and unet_fleet_paused{namespace="${namespace}"} == 0`,
    minutes: 10,
    severity: 'warning',
    summary: 'No step has been committed for 30 minutes, and nobody has paused the run',
  },
  {
    name: 'UnetFleetBrokerLost',
    expression: (namespace) => `unet_fleet_broker_connected{namespace="${namespace}"} == 0`,
    minutes: 5,
    severity: 'critical',
    summary: 'The coordinator has no connection to NATS',
  },
  {
    name: 'UnetFleetCheckpointFailures',
    expression: (namespace) =>
      `increase(unet_fleet_checkpoint_failures_total{namespace="${namespace}"}[1h]) > 0`,
    minutes: 0,
    severity: 'warning',
    summary: "Checkpoints can't be written: the claim of the run folder may be full",
  },
  {
    name: 'UnetFleetWorkersSetAside',
    expression: (namespace) =>
      `increase(unet_fleet_worker_set_aside_total{namespace="${namespace}"}[1h]) > 3`,
    minutes: 0,
    severity: 'warning',
    summary: 'Workers keep failing and are set aside',
  },
];

export const monitoring = ({ namespace }: DeployOptions): KubeObject[] => [
  {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: metadata('unet-fleet', namespace, null),
    spec: {
      selector: { matchLabels: selectorOfAll },
      podMetricsEndpoints: [{ port: 'metrics', path: '/metrics', interval: '15s' }],
    },
  },
  {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: metadata('unet-fleet', namespace, null),
    spec: {
      groups: [
        {
          name: 'unet-fleet',
          rules: alerts.map(({ name, expression, minutes, severity, summary }) => ({
            alert: name,
            expr: expression(namespace),
            for: `${minutes}m`,
            labels: { severity },
            annotations: { summary },
          })),
        },
      ],
    },
  },
];
