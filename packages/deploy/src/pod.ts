/**
 * What all pods have in common. Each holds to the restricted level of Pod Security, writes to its volumes alone, has no
 * right at the API server, and leaves its last lines as the message that says why it ended.
 */
import { type Component, type Fields, metadata, names, ports, selectorOf, type Value } from './objects.ts';
import type { DeployOptions, Resources } from './options.ts';
import { paths } from './recipe.ts';

/** The images' user. */
const user = 10_001;

export interface Mount extends Fields {
  readonly name: string;
  readonly mountPath: string;
}

export interface Volume extends Fields {
  readonly name: string;
}

/** A folder in a pod, and what it is of. */
export interface PodFolder {
  volume: Volume;
  /** One volume may be seen in several places. */
  mounts: readonly Mount[];
}

export const imageOf = (
  image: 'coordinator' | 'worker' | 'worker-gpu',
  { imagePrefix, imageTag }: DeployOptions,
): string => `${imagePrefix}unet-fleet-${image}:${imageTag}`;

export interface ContainerSpec {
  name: string;
  image: string;
  command?: readonly string[];
  args?: readonly string[];
  env?: readonly Value[];
  envFrom?: readonly Value[];
  ports?: readonly Value[];
  probes?: Fields;
  resources: Resources;
  /** Extended resources, such as GPUs: what is asked for is the limit. */
  devices?: Fields;
}

export interface PodSpec {
  component: Component;
  folders: readonly PodFolder[];
  container: ContainerSpec;
  graceSeconds: number;
  restartPolicy: 'Never' | 'Always';
  annotations?: Fields;
  /** Where it may run, and what else is the component's own. */
  more?: Fields;
}

/** Memory has a limit, so that a leak ends one pod and not its node; processors have none, for it would slow heartbeats. */
const resourcesOf = ({ cpu, memory }: Resources, devices: Fields = {}) => ({
  requests: { cpu, memory, ...devices },
  limits: { memory, ...devices },
});

/** The template of a component's pods. */
export const podTemplate = (spec: PodSpec) => ({
  metadata: {
    labels: selectorOf(spec.component),
    ...(spec.annotations && { annotations: spec.annotations }),
  },
  spec: podOf(spec, names[spec.component === 'worker' ? 'workers' : spec.component]),
});

export const podOf = (
  { folders, container, graceSeconds, restartPolicy, more = {} }: PodSpec,
  account: string,
) => ({
  serviceAccountName: account,
  automountServiceAccountToken: false,
  // Variables for Services would be taken for options of unet-fleet.
  enableServiceLinks: false,
  restartPolicy,
  terminationGracePeriodSeconds: graceSeconds,
  ...more,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    fsGroup: user,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },
  containers: [containerOf(container, folders)],
  volumes: folders.map(({ volume }) => volume),
});

const containerOf = (
  { resources, devices, probes = {}, ...container }: ContainerSpec,
  folders: readonly PodFolder[],
) => ({
  ...container,
  ...probes,
  resources: resourcesOf(resources, devices),
  securityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
  // The one sentence that says what is wrong is the end of the log.
  terminationMessagePolicy: 'FallbackToLogsOnError',
  volumeMounts: folders.flatMap(({ mounts }) => mounts),
});

/**
 * Probes on the port of the metrics, which is answered in the middle of a step. Until the process listens there,
 * `startSeconds` may pass.
 */
export const probesOf = (startSeconds: number) => ({
  startupProbe: probe('/healthz', { periodSeconds: 5, failureThreshold: Math.ceil(startSeconds / 5) }),
  livenessProbe: probe('/healthz', { periodSeconds: 10, failureThreshold: 6 }),
  readinessProbe: probe('/readyz', { periodSeconds: 5, failureThreshold: 2 }),
});

const probe = (path: string, times: Fields) => ({
  httpGet: { path, port: 'metrics' },
  timeoutSeconds: 5,
  ...times,
});

export const metricsPort = { name: 'metrics', containerPort: ports.metrics } as const;
export const metricsArgs = ['--metrics-port', String(ports.metrics), '--metrics-host', '0.0.0.0'] as const;

/** A folder that is empty at first and goes with the pod. */
export const scratch = (name: string, mountPath: string, sizeLimit: string): PodFolder => ({
  volume: { name, emptyDir: { sizeLimit } },
  mounts: [{ name, mountPath }],
});

export const claimed = (
  name: string,
  claimName: string,
  mountPath: string,
  readOnly: boolean,
): PodFolder => ({
  volume: { name, persistentVolumeClaim: readOnly ? { claimName, readOnly } : { claimName } },
  mounts: [{ name, mountPath, ...(readOnly && { readOnly }) }],
});

/** Files of a Secret, readable by the pod's group alone; `files` says which are seen, and where. */
export const secretFiles = (name: string, secretName: string, files: readonly Fields[]): PodFolder => ({
  volume: { name, secret: { secretName, defaultMode: 0o440 } },
  mounts: files.map((file) => ({ name, readOnly: true, ...file }) as unknown as Mount),
});

/** The broker's pod starts beside the others, on a node that may still fetch its image. */
const waitBrokerSeconds = 600;

/** Where a peer finds the broker, and what it proves itself with. */
export function brokerAccess(
  { natsUrl, keys }: DeployOptions,
  secretName: string,
  seed: Fields,
): { args: string[]; folders: PodFolder[] } {
  const url = natsUrl || `tls://${names.nats}:${ports.nats}`;
  const args = ['--nats-url', url, '--wait-broker', String(waitBrokerSeconds)];
  const files: Fields[] = [];
  if (keys.seeds) {
    args.push('--nats-seed', paths.seed);
    files.push({ mountPath: paths.seed, ...seed });
  }
  if (keys.ca) {
    args.push('--nats-ca', paths.ca);
    files.push({ mountPath: paths.ca, subPath: 'ca.pem' });
  }
  return { args, folders: files.length > 0 ? [secretFiles('keys', secretName, files)] : [] };
}

/** Secrets for a pack's server, as variables. */
export const packVariables = ({ packSecrets }: DeployOptions): { envFrom?: Value[] } =>
  Object.keys(packSecrets).length > 0 ? { envFrom: [{ secretRef: { name: names.pack } }] } : {};

/** One account per component: none may ask the API server anything, and a cluster can tell them apart. */
export const serviceAccount = (component: Component, name: string, options: DeployOptions) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: metadata(name, options.namespace, component),
  automountServiceAccountToken: false,
  ...(options.imagePullSecret !== '' && { imagePullSecrets: [{ name: options.imagePullSecret }] }),
});
