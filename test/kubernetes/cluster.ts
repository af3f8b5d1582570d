/** A whole cluster on this machine for the length of a test: control plane, nodes, and deployments of unet-fleet on it. */
import { chownSync, cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from '@unet-fleet/install';
import { parseAllDocuments } from 'yaml';
import { script } from '../chaos/command.ts';
import type { Client, KubeObject } from './client.ts';
import type { ControlPlanePrograms } from './control-plane/build.ts';
import { startControlPlane } from './control-plane/start.ts';
import { imageContent } from './kubelet/images.ts';
import { Kubelet, type KubeletOptions } from './kubelet/kubelet.ts';

export interface Cluster {
  client: Client;
  /** Of all that belongs to this cluster. */
  folder: string;
  nodes: readonly Kubelet[];
  stop(): void;
}

/** User and group of the images. */
const user = 10_001;

type NodeWish = Pick<KubeletOptions, 'name'> & Partial<KubeletOptions>;

/** Starts a control plane in `folder`, with the types of other projects that manifests use, and these nodes. */
export async function startCluster(
  programs: ControlPlanePrograms,
  folder: string,
  wishes: readonly NodeWish[],
  tini: string,
): Promise<Cluster> {
  const controlPlane = await startControlPlane(programs, join(folder, 'control-plane'));
  const { client } = controlPlane;
  const nodes: Kubelet[] = [];
  const stop = () => {
    for (const node of nodes) node.stop();
    controlPlane.stop();
  };
  try {
    for (const name of readdirSync(programs.extensions).filter((file) => file.endsWith('.yaml'))) {
      const types = documentsOf(readFileSync(join(programs.extensions, name), 'utf8'));
      for (const type of types) await client.apply(type);
    }
    const image = await imageContent(tini);
    for (const wish of wishes) {
      nodes.push(await new Kubelet({ client, folder: join(folder, 'nodes'), image, ...wish }).start());
    }
    return { client, folder, nodes, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

/** Objects of a YAML text. */
export const documentsOf = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((object) => object !== null);

/** What `unet-fleet` prints with these arguments. */
export async function unetFleet(
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await runCommand(process.execPath, [script, ...args], {
    cwd,
    env: { ...process.env, ...env },
    missing: 'node does not run',
  });
  if (exitCode === 0) return stdout;
  throw new Error(`unet-fleet ${args.slice(0, 2).join(' ')} ended with code ${exitCode}: ${stderr}`);
}

/** A volume on the node's disk that the claim will be bound to; its folder, which the images' user may write. */
export async function makeVolume(
  { client, folder }: Pick<Cluster, 'client' | 'folder'>,
  namespace: string,
  claim: KubeObject,
): Promise<string> {
  const { name } = claim.metadata;
  const path = join(folder, 'volumes', namespace, name);
  mkdirSync(path, { recursive: true });
  chownSync(path, user, user);
  await client.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `${namespace}-${name}` },
    spec: {
      capacity: { storage: '1Ti' },
      accessModes: claim.spec.accessModes,
      storageClassName: claim.spec.storageClassName ?? '',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace },
      hostPath: { path },
    },
  });
  return path;
}

/**
 * Applies what `unet-fleet deploy render` gives with these options, in the order printed; the data lies on its claim
 * before, as the loader would have brought it there.
 * @returns the volumes' folders, by claim
 */
export async function deploy(
  cluster: Cluster,
  namespace: string,
  flags: readonly string[],
  data: string,
): Promise<Record<string, string>> {
  const own = join(cluster.folder, 'deployments', namespace);
  mkdirSync(own, { recursive: true });
  const text = await unetFleet(['deploy', 'render', '--namespace', namespace, ...flags, '--json'], own);
  const objects: KubeObject[] = JSON.parse(text);
  const volumes: Record<string, string> = {};
  for (const claim of objects.filter(({ kind }) => kind === 'PersistentVolumeClaim')) {
    volumes[claim.metadata.name] = await makeVolume(cluster, namespace, claim);
  }
  cpSync(data, volumes['unet-fleet-data']!, { recursive: true });
  for (const object of objects) await cluster.client.apply(object);
  return volumes;
}
