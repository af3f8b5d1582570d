/**
 * The Secrets, from the files of a credentials folder: each component gets its own, and of the workers' each pod sees
 * one key. They are the only objects with anything secret in them.
 */
import { type KubeObject, metadata, names } from './objects.ts';
import type { Credentials, DeployOptions } from './options.ts';

const secret = (
  name: string,
  namespace: string,
  component: Parameters<typeof metadata>[2],
  texts: Readonly<Record<string, string>>,
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: metadata(name, namespace, component),
  type: 'Opaque',
  data: Object.fromEntries(
    Object.entries(texts).map(([file, text]) => [file, Buffer.from(text).toString('base64')]),
  ),
});

export function secrets(options: DeployOptions, credentials: Credentials | null): KubeObject[] {
  const { namespace, packSecrets } = options;
  const pack = Object.keys(packSecrets).length > 0 ? [secret(names.pack, namespace, null, packSecrets)] : [];
  if (credentials === null) return pack;
  const { coordinatorSeed, workerSeeds, ca, broker } = credentials;
  const authority: Record<string, string> = ca === '' ? {} : { 'ca.pem': ca };
  const seeds = Object.fromEntries(workerSeeds.map((seed, index) => [`${index}.seed`, seed]));
  return [
    ...(broker ? [secret(names.nats, namespace, 'nats', broker)] : []),
    secret(names.coordinator, namespace, 'coordinator', { ...authority, 'nats.seed': coordinatorSeed }),
    secret(names.workers, namespace, 'worker', { ...authority, ...seeds }),
    ...pack,
  ];
}
