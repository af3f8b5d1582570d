/**
 * The broker: one nats-server with TLS, keys and the roles' permissions, all from a Secret. It stores nothing, so it is
 * a Deployment: a new pod takes the place of one on a lost node by itself. Recreate, for two at once would divide the
 * fleet between them.
 */
import { type KubeObject, metadata, names, ports, selectorOf } from './objects.ts';
import type { DeployOptions } from './options.ts';
import { stablePlacement, stayAnnotations } from './placement.ts';
import { imageOf, podTemplate, secretFiles } from './pod.ts';
import { paths } from './recipe.ts';

/** A node that does not answer: the default of five minutes is long for a fleet that waits. */
const lostNodeSeconds = 30;
const lost = (key: string) => ({
  key,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: lostNodeSeconds,
});

export const natsDeployment = (options: DeployOptions): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: metadata(names.nats, options.namespace, 'nats'),
  spec: {
    replicas: 1,
    strategy: { type: 'Recreate' },
    selector: { matchLabels: selectorOf('nats') },
    template: podTemplate({
      component: 'nats',
      restartPolicy: 'Always',
      graceSeconds: 10,
      annotations: stayAnnotations,
      more: {
        ...stablePlacement(options),
        tolerations: [lost('node.kubernetes.io/not-ready'), lost('node.kubernetes.io/unreachable')],
      },
      folders: [secretFiles('config', names.nats, [{ mountPath: paths.brokerFolder }])],
      container: {
        name: 'nats',
        image: imageOf('coordinator', options),
        command: ['nats-server'],
        args: ['--config', paths.brokerConfig],
        ports: [{ name: 'nats', containerPort: ports.nats }],
        probes: {
          startupProbe: { tcpSocket: { port: 'nats' }, periodSeconds: 1, failureThreshold: 60 },
          livenessProbe: { tcpSocket: { port: 'nats' }, periodSeconds: 10, failureThreshold: 3 },
          readinessProbe: { tcpSocket: { port: 'nats' }, periodSeconds: 5 },
        },
        resources: options.nats,
      },
    }),
  },
});

/** Headless: the name is the pod's address, and connections of hours are not cut by a proxy. */
export const natsService = ({ namespace }: DeployOptions): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: metadata(names.nats, namespace, 'nats'),
  spec: {
    clusterIP: 'None',
    selector: selectorOf('nats'),
    ports: [{ name: 'nats', port: ports.nats, targetPort: 'nats' }],
  },
});
