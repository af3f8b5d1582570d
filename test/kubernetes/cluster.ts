/** A whole cluster on this machine for the length of a test: control plane, nodes, and deployments of unet-fleet on it. */
import { spawn } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { script } from '../chaos/command.ts';
import type { Client, KubeObject } from './client.ts';
import type { ControlPlanePrograms } from './control-plane/build.ts';
import { type ControlPlane, startControlPlane } from './control-plane/start.ts';
import { imageContent } from './kubelet/images.ts';
import { Kubelet } from './kubelet/kubelet.ts';
import { makeBridge } from './kubelet/network.ts';

export interface Cluster {
  client: Client;
  folder: string;
  nodes: readonly Kubelet[];
  stop(): void;
}

/** User and group of the images. */
const user = 10_001;

/** Two nodes as any, and one with GPUs that only those pods come to which ask for them. */
export async function startCluster(programs: ControlPlanePrograms, folder: string): Promise<Cluster> {
  const controlPlane: ControlPlane = await startControlPlane(programs, join(folder, 'control-plane'));
  const { client } = controlPlane;
  try {
    for (const name of readdirSync(programs.extensions).filter((file) => file.endsWith('.yaml'))) {
      for (const object of documentsOf(readFileSync(join(programs.extensions, name), 'utf8'))) {
        await client.apply(object);
      }
    }
    await makeBridge();
    const image = await imageContent();
    const node = (name: string, devices?: Record<string, string>) =>
      new Kubelet({
        client,
        folder: join(folder, 'nodes'),
        name,
        image,
        ...(devices && { devices }),
      }).start();
    const nodes = await Promise.all([
      node('node-1'),
      node('node-2'),
      node('node-gpu', { 'nvidia.com/gpu': '64' }),
    ]);
    const stop = () => {
      for (const each of nodes) each.stop();
      controlPlane.stop();
    };
    return { client, folder, nodes, stop };
  } catch (error) {
    controlPlane.stop();
    throw error;
  }
}

/** Objects of a YAML text. */
export const documentsOf = (text: string): KubeObject[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter((object) => object !== null);

/** What `unet-fleet` prints with these arguments. */
export function unetFleet(args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(process.execPath, [script, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`unet-fleet ${args.slice(0, 2).join(' ')} ended with code ${code}: ${stderr}`));
    });
  });
}

/**
 * The objects that `unet-fleet deploy render` gives with these options, each applied in the order printed, with the
 * volumes that its claims will be bound to.
 * @returns folder of the run's claim on the nodes
 */
export async function deploy(
  { client, folder }: Cluster,
  namespace: string,
  flags: readonly string[],
  data: string,
): Promise<string> {
  const own = join(folder, 'runs', namespace);
  mkdirSync(own, { recursive: true });
  const text = await unetFleet(['deploy', 'render', '--namespace', namespace, ...flags, '--json'], own);
  const volume = (claim: string): string => {
    const path = join(own, claim);
    mkdirSync(path, { recursive: true });
    chownSync(path, user, user);
    return path;
  };
  const state = volume('unet-fleet-run');
  cpSync(data, volume('unet-fleet-data'), { recursive: true });
  for (const claim of ['unet-fleet-run', 'unet-fleet-data']) {
    await client.apply({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: `${namespace}-${claim}` },
      spec: {
        capacity: { storage: '1Ti' },
        accessModes: ['ReadWriteOnce'],
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: claim, namespace },
        hostPath: { path: join(own, claim) },
      },
    });
  }
  for (const object of JSON.parse(text) as KubeObject[]) await client.apply(object);
  return state;
}
