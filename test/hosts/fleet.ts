/**
 * A fleet on the hosts of a network, started as a person would by hand: workers get a join URL and nothing else. Either
 * the broker is on a host of its own, with credentials for each, or it is the coordinator's, with the URL that it prints.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findNatsServer, makeCredentials } from '@unet-fleet/coordinator';
import { script } from '../chaos/command.ts';
import { type HostProcess, startProcess } from './host-processes.ts';
import type { Network } from './network.ts';

export interface FleetPlan {
  folder: string;
  /** The sample set's, which workers must not see. */
  dataFolder: string;
  /** Flags of data and training. */
  recipe: readonly string[];
  /** The coordinator's, instead of one on a host of its own. */
  hasOwnBroker: boolean;
}

export interface HostFleet {
  coordinator: HostProcess;
  workers: HostProcess[];
  broker: HostProcess | null;
  runDir: string;
}

export const workerHosts = ['worker-1', 'worker-2'];
const port = 4222;
const pollMs = 20;
const startMs = 60_000;
const node = [process.execPath, script];

export async function startFleet(network: Network, plan: FleetPlan): Promise<HostFleet> {
  const { folder, recipe, dataFolder, hasOwnBroker } = plan;
  const runDir = join(folder, 'run');
  const credentials = join(folder, 'credentials');
  mkdirSync(folder, { recursive: true });
  const broker = hasOwnBroker ? null : await startBroker(network, credentials);
  const coordinator = startProcess('coordinator', [
    ...network.onHost('coordinator'),
    ...[...node, 'coordinator', ...recipe, '--run-dir', runDir, '--json'],
    ...(broker ? ['--nats-url', `tls://${network.addressOf('broker')}:${port}`] : []),
    ...(broker ? ['--nats-seed', join(credentials, 'coordinator.seed')] : []),
    ...(broker ? ['--nats-ca', join(credentials, 'ca.pem')] : []),
  ]);
  const printed = broker ? null : await said(coordinator, /--join '(unet-fleet:.*)'/);
  const workers = workerHosts.map((host) =>
    startProcess(host, [
      ...network.onHost(host, [dataFolder]),
      ...[...node, 'worker', '--join', printed ?? `@${join(credentials, 'workers', `${host}.join`)}`],
      ...['--name', host, '--wait-broker', '60', '--sample-cache', join(folder, `cache-${host}`)],
    ]),
  );
  return { coordinator, workers, broker, runDir };
}

async function startBroker(network: Network, credentials: string): Promise<HostProcess> {
  await makeCredentials({
    folder: credentials,
    numWorkers: workerHosts.length,
    hosts: [network.addressOf('broker')],
    port,
    serverFolder: '',
    now: new Date(),
  });
  const { path } = await findNatsServer();
  const config = join(credentials, 'broker', 'nats-server.conf');
  const broker = startProcess('broker', [...network.onHost('broker'), path, '-c', config]);
  await said(broker, /(Server is ready)/);
  return broker;
}

/** The first group of what the process is to say. Rejects with what it said instead. */
async function said(process: HostProcess, wanted: RegExp): Promise<string> {
  const deadlineMs = performance.now() + startMs;
  for (;;) {
    const found = wanted.exec(process.said())?.[1];
    if (found !== undefined) return found;
    if (process.hasEnded() || performance.now() > deadlineMs) {
      throw new Error(`${process.name} did not start; it said:\n${process.said()}`);
    }
    await sleep(pollMs);
  }
}
