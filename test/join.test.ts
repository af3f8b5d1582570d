/**
 * Joining by URL, with real processes and a real nats-server: a worker needs that one line and nothing else; a line of
 * somebody else, a damaged one, or a server that only looks like the right one gets neither worker nor secret.
 */

import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  makeAuthority,
  makeServerCertificate,
} from '@unet-fleet/coordinator/broker/credentials/certificates';
import { joinHostOf, openJoinSecrets } from '@unet-fleet/coordinator/broker/join-secrets';
import { UserError } from '@unet-fleet/law';
import { formatJoinUrl, type JoinUrl, parseJoinUrl } from '@unet-fleet/wire';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { brokerOfJoin } from '@unet-fleet/wire/transport/join';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort, startNatsServer } from './helpers/nats-server.ts';
import { type Started, start, unetFleet, until } from './helpers/processes.ts';
import { committed, courseOf, eventsOf, outcomeOf, recorded, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '7', '--leaf-size', '2', '--epochs', '2'],
  ...['--seed', '3', '--device', 'cpu', '--threads', '1', '--dashboard', 'false'],
  ...['--tensorboard', 'false'],
];
const folder = mkdtempSync(join(tmpdir(), 'join-'));
const referenceDir = join(folder, 'reference');
const runDir = join(folder, 'run');
const sampleCache = join(folder, 'cache');
let data: string[] = [];
let port: number;
let weightsSha256: string;

beforeAll(async () => {
  data = await sampleFlags(join(folder, 'sample'), 24);
  port = await freePort();
  const trained = start(['train', ...data, ...recipe, '--run-dir', referenceDir, '--json', '--workers', '1']);
  ({ weightsSha256 } = outcomeOf(await trained.ended));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const coordinate = (dir: string, atPort: number, ...flags: string[]): Started =>
  start([
    ...['coordinator', ...data, ...recipe, '--run-dir', dir, '--json', '--nats-port', String(atPort)],
    ...['--join-host', '127.0.0.1', ...flags],
  ]);
const printedUrl = (coordinator: Started): Promise<string> =>
  until(
    coordinator,
    'it prints its URL',
    () => /^ {2}join {8}npx unet-fleet worker --join '(unet-fleet:.*)'$/m.exec(coordinator.said())?.[1],
  );
const work = (url: string, ...flags: string[]): Started =>
  start(['worker', '--fetch', '--sample-cache', sampleCache, ...flags], { env: { UNET_FLEET_JOIN: url } });
const changed = (url: string, changes: Partial<JoinUrl>): string =>
  formatJoinUrl({ ...parseJoinUrl(url), ...changes });

/** Files and folders below that others than the owner may read, and do not lie in a folder that is closed to them. */
function openTo(dir: string): string[] {
  if ((statSync(dir).mode & 0o077) === 0) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return openTo(path);
    return statSync(path).mode & 0o077 ? [path] : [];
  });
}

test('the printed URL is all that a worker needs, also of a coordinator that was killed and started again', async () => {
  const first = coordinate(runDir, port, '--checkpoint-every', '1');
  const url = await printedUrl(first);
  expect(parseJoinUrl(url)).toMatchObject({ identity: 'worker', host: '127.0.0.1', port });
  expect(readFileSync(join(runDir, 'broker', 'worker.join'), 'utf8')).toBe(`${url}\n`);
  const workers = [
    work(url),
    start(['worker', '--fetch', '--sample-cache', sampleCache, '--join', `@${runDir}/broker/worker.join`]),
  ];
  await committed(first, runDir, 2);

  first.signal('SIGKILL');
  await first.ended;

  // What could be abused is closed to others, and where others may look there is no secret.
  const { secret } = parseJoinUrl(url);
  for (const path of openTo(runDir)) expect(readFileSync(path, 'latin1'), path).not.toContain(secret);
  for (const name of readdirSync(runDir, { recursive: true }).map(String)) {
    if (!/\.(json|jsonl|log)$/.test(name) || name === 'broker/join.json') continue;
    expect(readFileSync(join(runDir, name), 'utf8'), name).not.toContain(secret);
  }
  expect(statSync(join(runDir, 'broker')).mode & 0o777).toBe(0o700);

  const second = coordinate(runDir, port, '--continue');
  expect(await printedUrl(second)).toBe(url);
  expect(outcomeOf(await second.ended).weightsSha256).toBe(weightsSha256);
  expect(courseOf(runDir)).toEqual(courseOf(referenceDir));
  for (const worker of workers) expect(await worker.ended).toMatchObject({ code: 0 });
});

test('another way of reaching the same coordinator leaves the earlier one as good', async () => {
  const dir = join(folder, 'moved');
  const first = coordinate(dir, port);
  const url = await printedUrl(first);
  const worker = work(url);
  await recorded(first, dir, 'a worker is there', ({ type }) => type === 'worker-joined');
  first.signal('SIGTERM');
  expect(await first.ended).toMatchObject({ code: 4 });
  const second = start([
    ...['coordinator', ...data, ...recipe, '--run-dir', dir, '--json', '--nats-port', String(port)],
    ...['--join-host', 'localhost', '--continue'],
  ]);
  expect(await printedUrl(second)).toBe(changed(url, { host: 'localhost' }));
  expect(outcomeOf(await second.ended).weightsSha256).toBe(weightsSha256);
  expect(await worker.ended).toMatchObject({ code: 0 });
});

test('train takes workers of other machines beside its own', async () => {
  const dir = join(folder, 'train');
  const trained = start([
    ...['train', ...data, ...recipe, '--run-dir', dir, '--json', '--workers', '1', '--min-workers', '2'],
    ...[
      '--nats-host',
      '127.0.0.1',
      '--nats-host',
      '0.0.0.0',
      '--join-host',
      'localhost',
      '--nats-port',
      String(port),
    ],
  ]);
  const worker = work(await printedUrl(trained), '--name', 'guest');
  expect(outcomeOf(await trained.ended).weightsSha256).toBe(weightsSha256);
  expect(await worker.ended).toMatchObject({ code: 0 });
  const joined = eventsOf(dir).flatMap((event) => (event.type === 'worker-joined' ? [event.worker] : []));
  expect(joined).toContain('guest');
  // For this machine alone nothing has changed: no certificates, no URL.
  expect(readdirSync(join(referenceDir, 'broker')).sort()).toEqual([
    'nats-server.log',
    'reducer.env',
    'worker.env',
  ]);
});

test('wrong secret, fingerprint, run, host and port are refused in one sentence each', async () => {
  const dir = join(folder, 'refusing');
  const coordinator = coordinate(dir, port);
  const url = await printedUrl(coordinator);
  const unused = await freePort();
  for (const [changes, code, sentence] of [
    [{ secret: 'x'.repeat(32) }, 2, /refuses the secret of the join URL: copy the URL again/],
    [
      { fingerprint: '0'.repeat(64) },
      2,
      /is not the one of the join URL, for none of its certificates has the URL's fingerprint/,
    ],
    [{ runId: 'another' }, 2, /the coordinator there has run [0-9a-f]+, and the join URL is for run another/],
    [{ host: '127.0.0.2' }, 2, /its certificate was not made by the URL's authority for this host/],
    [
      { host: 'no-such-host.invalid' },
      3,
      /no host has the name of the broker tls:\/\/no-such-host\.invalid:\d+: check the join URL/,
    ],
    [
      { port: unused },
      3,
      /no broker answers at tls:\/\/127\.0\.0\.1:\d+ \(.*ECONNREFUSED.*\): check that the coordinator runs, and that no firewall/,
    ],
  ] as const) {
    const ended = await work(changed(url, changes)).ended;
    expect(ended.stderr.trim()).toMatch(sentence);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    expect(ended.stderr).not.toContain(parseJoinUrl(url).secret);
    expect(ended.code).toBe(code);
  }
  const damaged = await work(url.slice(0, -1)).ended;
  expect(damaged).toMatchObject({ code: 2, stderr: expect.stringMatching(/the join URL is damaged/) });
  coordinator.signal('SIGTERM');
  await coordinator.ended;
});

test('a worker waits for a broker that is not there yet, and leaves when it is asked to', async () => {
  const worker = work(
    formatJoinUrl({
      identity: 'worker',
      secret: 'x'.repeat(32),
      host: '127.0.0.1',
      port: await freePort(),
      runId: '',
      fingerprint: '0'.repeat(64),
    }),
    ...['--wait-broker', '600'],
  );
  await until(
    worker,
    'it waits',
    () => worker.said().includes('waiting for the broker: no broker answers') || undefined,
  );
  worker.signal('SIGTERM');
  expect(await worker.ended).toMatchObject({ code: 4 });
});

/** A server with the true authority's certificate in its chain, and what the clients then say. */
async function impostor(info: string, chain: string, key: string) {
  const { TLSSocket } = await import('node:tls');
  let heard = '';
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(info);
    const secured = new TLSSocket(socket, { isServer: true, key, cert: chain });
    secured.on('error', () => {});
    secured.on('data', (bytes) => {
      heard += bytes.toString('latin1');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: ownPort } = server.address() as { port: number };
  return { port: ownPort, heard: () => heard, close: () => server.close() };
}

test('who only shows the right authority hears no secret; nor does who offers no encryption', async () => {
  const now = new Date();
  const other = await makeAuthority(now);
  const secrets = join(folder, 'secrets');
  mkdirSync(secrets);
  const { fingerprint } = await openJoinSecrets(secrets, { join: '127.0.0.1', own: [] }, now);
  const { authority } = JSON.parse(readFileSync(join(secrets, 'join.json'), 'utf8'));
  const strange = await makeServerCertificate(other, ['127.0.0.1'], now);
  // Says that the right authority has made it, and was signed by another key.
  const forged = await makeServerCertificate({ ...authority, key: other.key }, ['127.0.0.1'], now);
  const expired = await makeServerCertificate(authority, ['127.0.0.1'], new Date('2020-01-01'));
  const early = await makeServerCertificate(authority, ['127.0.0.1'], new Date(Date.now() + 1e9));
  const info = (tls: boolean) =>
    `INFO {"server_id":"x","version":"2.15.1","tls_required":${tls},"max_payload":1048576}\r\n`;
  for (const [line, certificate, sentence] of [
    [info(true), strange, /none of its certificates has the URL's fingerprint/],
    [info(true), forged, /was not made by the URL's authority for this host/],
    [
      info(true),
      expired,
      /has expired: make a new one, which a coordinator does when it is started again, or set this machine's clock right/,
    ],
    [info(true), early, /is not valid yet: make a new one/],
    [info(false), forged, /offers no encryption, so it is not the one of the join URL/],
    ['HTTP/1.1 400 Bad Request\r\n', forged, /offers no encryption, so it is not the one/],
  ] as const) {
    const server = await impostor(line, certificate.certificate + authority.certificate, certificate.key);
    const joining = {
      identity: 'worker',
      secret: 's'.repeat(32),
      host: '127.0.0.1',
      port: server.port,
      runId: '',
      fingerprint,
    };
    const attempt = async () => {
      const address = await brokerOfJoin(joining, 0, () => {}, new AbortController().signal);
      await connectBroker({ ...address!, name: 'worker.a' });
    };
    const error = await attempt().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(sentence);
    expect((error as UserError).exitCode).toBe(2);
    expect(server.heard()).not.toContain('CONNECT');
    server.close();
  }
});

test('credentials of a cluster come with a URL for each worker', async () => {
  const [credentials, ownPort] = [join(folder, 'credentials'), await freePort()];
  const flags = ['credentials', '--out', credentials];
  await unetFleet([
    ...flags,
    '--workers',
    '1',
    '--hosts',
    '*.example.org,localhost',
    '--port',
    String(ownPort),
  ]);
  const path = join(credentials, 'workers', 'worker-1.join');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const server = await startNatsServer(join(credentials, 'broker', 'nats-server.conf'));
  const dir = join(folder, 'cluster');
  const coordinator = start([
    ...[
      'coordinator',
      ...data,
      ...recipe,
      '--run-dir',
      dir,
      '--json',
      '--nats-url',
      `tls://localhost:${ownPort}`,
    ],
    ...['--nats-seed', join(credentials, 'coordinator.seed'), '--nats-ca', join(credentials, 'ca.pem')],
  ]);
  const worker = start(['worker', '--fetch', '--sample-cache', sampleCache, '--join', `@${path}`]);
  expect(outcomeOf(await coordinator.ended).weightsSha256).toBe(weightsSha256);
  expect(await worker.ended).toMatchObject({ code: 0 });
  await server.stop();

  await unetFleet([...flags, '--add', '1', '--revoke', 'worker-1', '--hosts', '127.0.0.1']);
  expect(readdirSync(join(credentials, 'workers')).filter((name) => name.endsWith('.join'))).toEqual([
    'worker-2.join',
  ]);
  const added = parseJoinUrl(readFileSync(join(credentials, 'workers', 'worker-2.join'), 'utf8').trim());
  expect(added).toMatchObject({ identity: 'worker-2', host: '127.0.0.1', port: ownPort, runId: '' });
});

test('secrets that are damaged or may not be written are named with the remedy', async () => {
  const dir = join(folder, 'damaged');
  const open = () => openJoinSecrets(dir, { join: 'localhost', own: [] }, new Date());
  const { fingerprint } = await open();
  const path = join(dir, 'join.json');
  const text = readFileSync(path, 'utf8');
  expect((await open()).fingerprint).toBe(fingerprint);
  for (const damage of [
    '',
    text.slice(1),
    text.replace('"workerPassword": "', '"workerPassword": "!'),
    '{}',
  ]) {
    writeFileSync(path, damage);
    await expect(open()).rejects.toThrow(
      /join\.json is damaged: restore it from a copy, or remove it, and workers need the join URL/,
    );
  }
  rmSync(dir, { recursive: true });
  writeFileSync(dir, '');
  chmodSync(dir, 0o600);
  await expect(open()).rejects.toThrow(
    /join\.json can't be (opened|written): something .* \((ENOTDIR|EEXIST)\); /,
  );
});

test('the host of a URL is the named one, the one listened on, or the first that others reach', () => {
  const v4 = (address: string, internal: boolean) => ({ address, internal, family: 'IPv4' }) as never;
  const v6 = { address: 'fd00::1', internal: false, family: 'IPv6' } as never;
  const interfaces = {
    lo: [v4('127.0.0.1', true)],
    eth0: [v6, v4('10.0.0.5', false)],
    eth1: [v4('10.0.0.6', false)],
  };
  const all = { joinHost: '', natsHost: '0.0.0.0' };
  expect(joinHostOf(all, interfaces)).toBe('10.0.0.5');
  expect(joinHostOf({ ...all, natsHost: '10.0.0.6' }, interfaces)).toBe('10.0.0.6');
  expect(joinHostOf({ ...all, joinHost: 'gpu-1' }, interfaces)).toBe('gpu-1');
  expect(() => joinHostOf({ ...all, joinHost: 'a b' }, interfaces)).toThrow(
    /--join-host a b is neither a host's name nor an IP address/,
  );
  const local = { address: 'fe80::1', internal: false, family: 'IPv6' } as never;
  const onlyV6 = { lo: [v4('127.0.0.1', true)], eth0: [local, v6] };
  expect(joinHostOf({ ...all, natsHost: '::' }, onlyV6)).toBe('fd00::1');
  expect(() => joinHostOf(all, onlyV6)).toThrow(/no IPv4 address .*: give --nats-host :: for IPv6/);
  expect(() => joinHostOf(all, { lo: [v4('127.0.0.1', true)], eth0: [local] })).toThrow(
    /no address that others reach: name one by --join-host/,
  );
});
