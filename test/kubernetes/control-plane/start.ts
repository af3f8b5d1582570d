/**
 * A control plane in a folder: etcd, API server with RBAC, controller manager and scheduler, each a process that ends
 * with this one. It runs in a network namespace of its own (isolate.ts), so that its ports are its own too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  makeAuthority,
  makeServerCertificate,
} from '@unet-fleet/coordinator/broker/credentials/certificates';
import { type Access, Client } from '../client.ts';
import type { ControlPlanePrograms } from './build.ts';

const ports = { etcd: 2379, etcdPeers: 2380, api: 6443 } as const;
const startWithinMs = 60_000;

export interface ControlPlane {
  /** As an administrator. */
  access: Access;
  client: Client;
  stop(): void;
}

/** Starts all four and waits until the API server is ready. Logs and files lie in `folder`. */
export async function startControlPlane(
  { programs, etcd }: ControlPlanePrograms,
  folder: string,
): Promise<ControlPlane> {
  mkdirSync(folder, { recursive: true });
  const at = (name: string) => join(folder, name);
  const put = (name: string, text: string): string => {
    writeFileSync(at(name), text, { mode: 0o600 });
    return at(name);
  };
  const authority = await makeAuthority(new Date());
  const hosts = ['127.0.0.1', 'localhost', 'kubernetes', 'kubernetes.default.svc'];
  const server = await makeServerCertificate(authority, hosts, new Date());
  const ca = put('ca.pem', authority.certificate);
  const accounts = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const accountKey = put('accounts-key.pem', accounts.privateKey);
  const token = (): string => randomBytes(16).toString('hex');
  const tokens = { admin: token(), controllers: token(), scheduler: token() };
  const tokenFile = put(
    'tokens.csv',
    [
      `${tokens.admin},admin,admin,system:masters`,
      `${tokens.controllers},system:kube-controller-manager,controllers`,
      `${tokens.scheduler},system:kube-scheduler,scheduler`,
      '',
    ].join('\n'),
  );
  const url = `https://127.0.0.1:${ports.api}`;
  const kubeconfig = (user: 'controllers' | 'scheduler') =>
    put(
      `${user}.json`,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'here', cluster: { server: url, 'certificate-authority': ca } }],
        users: [{ name: user, user: { token: tokens[user] } }],
        contexts: [{ name: 'here', context: { cluster: 'here', user } }],
        'current-context': 'here',
      }),
    );
  const processes: Supervised[] = [];
  const start = (name: string, program: string, args: string[]) =>
    processes.push(new Supervised(program, args, at(`${name}.log`)));

  const etcdUrl = `http://127.0.0.1:${ports.etcd}`;
  const peerUrl = `http://127.0.0.1:${ports.etcdPeers}`;
  start('etcd', etcd, [
    ...['--name', 'one', '--data-dir', at('etcd')],
    ...['--listen-client-urls', etcdUrl, '--advertise-client-urls', etcdUrl],
    ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
    ...['--initial-cluster', `one=${peerUrl}`],
  ]);
  start('kube-apiserver', programs['kube-apiserver'], [
    `--etcd-servers=${etcdUrl}`,
    ...['--bind-address=127.0.0.1', `--secure-port=${ports.api}`, '--advertise-address=127.0.0.1'],
    `--tls-cert-file=${put('server.pem', server.certificate)}`,
    `--tls-private-key-file=${put('server-key.pem', server.key)}`,
    `--cert-dir=${folder}`,
    `--token-auth-file=${tokenFile}`,
    ...['--authorization-mode=RBAC', '--allow-privileged=false', '--endpoint-reconciler-type=none'],
    `--service-account-issuer=${url}`,
    `--service-account-signing-key-file=${accountKey}`,
    `--service-account-key-file=${put('accounts.pem', accounts.publicKey)}`,
    '--service-cluster-ip-range=10.96.0.0/16',
  ]);
  const access = { url, ca: authority.certificate, token: tokens.admin };
  const client = new Client(access);
  const stop = () => {
    for (const process of processes.reverse()) process.kill();
  };
  try {
    await ready(client, processes, at('kube-apiserver.log'));
    start('kube-controller-manager', programs['kube-controller-manager'], [
      `--kubeconfig=${kubeconfig('controllers')}`,
      `--service-account-private-key-file=${accountKey}`,
      `--root-ca-file=${ca}`,
      ...['--use-service-account-credentials=true', '--leader-elect=false', '--secure-port=0'],
    ]);
    start('kube-scheduler', programs['kube-scheduler'], [
      `--kubeconfig=${kubeconfig('scheduler')}`,
      ...['--leader-elect=false', '--secure-port=0'],
    ]);
  } catch (error) {
    stop();
    throw error;
  }
  return { access, client, stop };
}

class Supervised {
  readonly #child: ChildProcess;
  hasEnded = false;

  constructor(program: string, args: string[], log: string) {
    const file = openSync(log, 'a');
    this.#child = spawn(program, args, {
      stdio: ['ignore', file, file],
      env: { PATH: process.env.PATH, HOME: '/tmp' },
    });
    closeSync(file);
    const kill = () => this.kill();
    this.#child.on('exit', () => {
      this.hasEnded = true;
      process.off('exit', kill);
    });
    process.on('exit', kill);
  }

  kill(): void {
    if (!this.hasEnded) this.#child.kill('SIGKILL');
  }
}

async function ready(client: Client, processes: Supervised[], log: string): Promise<void> {
  const endMs = performance.now() + startWithinMs;
  for (;;) {
    const why = await client.text('GET', '/readyz').then(
      () => '',
      (error: Error) => error.message,
    );
    if (why === '') return;
    if (performance.now() > endMs || processes.some(({ hasEnded }) => hasEnded)) {
      const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-5).join('\n');
      throw new Error(`the API server is not ready (${why}); its last lines:\n${tail}`);
    }
    await sleep(100);
  }
}
