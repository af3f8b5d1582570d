/**
 * What a deployment is made from, beside the recipe of the training. Everything here is a plain value, so that the
 * objects are a pure function of it: the same options give the same manifests, to the byte.
 */
import { isUrl } from '@unet-fleet/config';
import type { Config } from '@unet-fleet/law';

/** What a container asks for, in Kubernetes' quantities, such as "500m" and "4Gi". */
export interface Resources {
  cpu: string;
  memory: string;
}

/** Contents of the files of a credentials folder that pods need. */
export interface Credentials {
  coordinatorSeed: string;
  /** In the order of the pods' indices. */
  workerSeeds: readonly string[];
  /** '' where the server's certificate is vouched for by an authority that the system knows. */
  ca: string;
  /** Files of the broker, by name; null for a server that runs elsewhere. */
  broker: Readonly<Record<string, string>> | null;
}

export interface DeployOptions {
  namespace: string;
  /** Worker pods. */
  workers: number;
  gpu: boolean;
  /** Name of the device plugin's resource. */
  gpuResource: string;
  /** RuntimeClass of GPU pods; '' for the cluster's default. */
  runtimeClass: string;
  /** Registry and folder before the images' names, with its slash; '' for none. */
  imagePrefix: string;
  imageTag: string;
  /** Secret with the registry's login; '' for none. */
  imagePullSecret: string;
  /** '' for the cluster's default. */
  storageClass: string;
  /** Sizes of the claims that are rendered. */
  runSize: string;
  dataSize: string;
  /** Existing claim with the data, which coordinator and workers mount; '' for none. */
  dataVolume: string;
  /** Labels of the nodes that workers may go to: those of one kind of processor or GPU. */
  workerNodes: Readonly<Record<string, string>>;
  spot: boolean;
  jobset: boolean;
  /** NATS server outside; '' to render one. */
  natsUrl: string;
  /** Whether pods prove themselves by keys in Secrets, and trust an authority of their own. */
  keys: { seeds: boolean; ca: boolean };
  /** Kueue's local queue for the workers; '' for none. */
  queue: string;
  monitoring: boolean;
  /** Namespace of Prometheus, whose pods may ask for metrics. */
  monitoringNamespace: string;
  /** Namespace whose pods may open the live page, such as an ingress controller's; '' for none. */
  dashboardFrom: string;
  /** Names and values of variables that a pack's server asks for, such as AWS_ACCESS_KEY_ID. */
  packSecrets: Readonly<Record<string, string>>;
  coordinator: Resources;
  worker: Resources;
  nats: Resources;
  drainSeconds: number;
  /** Longest that a worker waits for a coordinator before it ends with an operating fault. */
  waitRunSeconds: number;
  sampleCacheMb: number;
  config: Config;
}

/** Whether the broker is one of this deployment. */
export const hasBroker = ({ natsUrl }: DeployOptions): boolean => natsUrl === '';

/** Whether the data lies on a claim of the coordinator alone, from where workers fetch it. */
export const hasOwnData = ({ dataVolume, config }: DeployOptions): boolean =>
  dataVolume === '' && !isUrl(config.data.pack);

/** A deployment of two workers without anything special; sizes for a U-Net of full width. */
export const defaultOptions = (config: Config, imageTag: string): DeployOptions => ({
  namespace: 'unet-fleet',
  workers: 2,
  gpu: false,
  gpuResource: 'nvidia.com/gpu',
  runtimeClass: '',
  imagePrefix: '',
  imageTag,
  imagePullSecret: '',
  storageClass: '',
  runSize: '20Gi',
  dataSize: '20Gi',
  dataVolume: '',
  workerNodes: {},
  spot: false,
  jobset: false,
  natsUrl: '',
  keys: { seeds: true, ca: true },
  queue: '',
  monitoring: false,
  monitoringNamespace: 'monitoring',
  dashboardFrom: '',
  packSecrets: {},
  coordinator: { cpu: '2', memory: '4Gi' },
  worker: { cpu: '4', memory: '8Gi' },
  nats: { cpu: '500m', memory: '512Mi' },
  drainSeconds: 10,
  waitRunSeconds: 1_800,
  sampleCacheMb: 20_000,
  config,
});

/** What a worker with a GPU asks for, where nothing else is said: the host prepares batches and holds what is sent. */
export const gpuWorkerMemory = '16Gi';
