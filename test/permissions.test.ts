/**
 * What a worker's credentials allow, tried on a real nats-server: everything that is another one's is refused, and
 * everything that a worker needs works. Once with the keys, certificates and configuration that `unet-fleet
 * credentials` makes, and once with the broker that a run starts for itself.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '@unet-fleet/coordinator';
import {
  makeAuthority,
  makeServerCertificate,
} from '@unet-fleet/coordinator/broker/credentials/certificates';
import { watchDisconnects } from '@unet-fleet/coordinator/broker/disconnects';
import {
  anyPeer,
  type BrokerAddress,
  type BulkKey,
  disconnectSubject,
  discoverSubject,
  inboxOf,
  NatsInbox,
  NatsOutbox,
  reducerPeer,
  runTagOf,
  subjectsOf,
  watchLink,
} from '@unet-fleet/wire';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort, type OperatedServer, startNatsServer } from './helpers/nats-server.ts';
import { start, unetFleet } from './helpers/processes.ts';
import { outcomeOf, sampleFlags } from './helpers/runs.ts';

type Connection = Awaited<ReturnType<typeof connectBroker>>;

const folder = mkdtempSync(join(tmpdir(), 'permissions-'));
const credentials = join(folder, 'credentials');
const ca = join(credentials, 'ca.pem');
const seedOf = (name: string) =>
  join(credentials, name.startsWith('worker') ? 'workers' : '', `${name}.seed`);
let port: number;
let server: OperatedServer;
const address = (name: string): BrokerAddress => ({
  url: `tls://localhost:${port}`,
  user: '',
  password: '',
  seed: seedOf(name),
  ca,
});

beforeAll(async () => {
  port = await freePort();
  const made = await unetFleet([
    ...['credentials', '--workers', '3', '--hosts', 'localhost,127.0.0.1', '--port', String(port)],
    ...['--out', credentials],
  ]);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  server = await startNatsServer(join(credentials, 'broker', 'nats-server.conf'));
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = subjectsOf('run');
const reducer = reducerPeer(1, 0);
/** In a process of its own. */
const remote = reducerPeer(1, 0, 'reducer');

/** Subjects that say something in the name of a peer, or to it, whichever role it has. */
const subjectsWith = (peer: string, other: string): string[] => [
  discoverSubject(peer),
  run.join(peer),
  run.up(peer),
  run.down(peer),
  run.fetch(peer, other),
  run.fetch(other, peer),
  `${run.frames(peer, other)}.0`,
  `${run.frames(other, peer)}.0`,
  `${run.weights(peer)}.1.0`,
  `${inboxOf(peer)}.a.1`,
];

const serverSubjects = [
  disconnectSubject,
  '$SYS.ACCOUNT.FLEET.DISCONNECT',
  '$SYS.REQ.SERVER.PING',
  '$SYS.REQ.SERVER.PING.CONNZ',
  '$SYS.REQ.USER.INFO',
  '$SYS.REQ.ACCOUNT.PING.CONNZ',
  '$JS.API.INFO',
  '$JS.API.STREAM.CREATE.x',
  '$SRV.PING',
];

const unique = (subjects: string[]): string[] => [...new Set(subjects)];

/** All that a worker must not say: in another one's name, to another worker, as the coordinator, or to the server. */
function forbiddenToPublish(me: string, victim: string): string[] {
  const [identity = ''] = me.split('.');
  return unique([
    ...subjectsWith(victim, me),
    ...subjectsWith(victim, reducer),
    // Not even to itself may it speak as the coordinator, nor to workers on subjects of its own.
    run.all,
    run.down(me),
    run.fetch(me, reducer),
    `${run.frames(me, reducer)}.0`,
    // Weights are the coordinator's to send, whoever is said to have made them.
    `${run.weights(reducer)}.1.0`,
    `${run.weights(me)}.1.0`,
    `${inboxOf(me)}.a.1`,
    `${inboxOf(reducer)}.a.1`,
    // Nor as a reducer, whatever that might say.
    run.reducers,
    `${run.weights(remote)}.1.0`,
    run.reducerUp(remote),
    run.reducerDown(remote),
    run.fetch(me, remote),
    run.fetch(victim, remote),
    `${run.frames(me, remote)}.0`,
    `${run.frames(victim, remote)}.0`,
    `${inboxOf(remote)}.a.1`,
    '_INBOX.a.1',
    // Names that only look like its own.
    run.up(`${identity}0.a`),
    run.up(`${identity}-.a`),
    `${run.up(me)}.more`,
    run.up(identity),
    run.join(identity),
    subjectsOf('other').all,
    subjectsOf('other').down(victim),
    'unet-fleet.run.all',
    'unet-fleet',
    'anything',
    ...serverSubjects,
  ]);
}

/** All that a worker must not hear: what is for others or from others, by name and by wildcards. */
function forbiddenToHear(me: string, victim: string): string[] {
  const [other = ''] = victim.split('.');
  return unique([
    ...subjectsWith(victim, reducer),
    run.up(me),
    run.join(me),
    run.fetch(reducer, me),
    `${run.frames(reducer, me)}.0`,
    run.reducers,
    run.reducerUp(anyPeer),
    run.reducerDown(remote),
    run.fetch(remote, me),
    `${run.frames(remote, me)}.0`,
    run.down(anyPeer),
    run.up(anyPeer),
    run.join(anyPeer),
    discoverSubject(anyPeer),
    run.fetch(anyPeer, anyPeer),
    `${run.frames(anyPeer, anyPeer)}.*`,
    `${run.weights(anyPeer)}.*.*`,
    `unet-fleet.run.*.down.${other}.*`,
    'unet-fleet.run.run.>',
    'unet-fleet.run.*.*',
    'unet-fleet.run.>',
    'unet-fleet.>',
    'unet-fleet.broker.>',
    '>',
    '*',
    '*.>',
    '_INBOX.>',
    '_INBOX.*.*.>',
    `_INBOX.${other}.>`,
    '_INBOX.coordinator.>',
    '$SYS.>',
    '$JS.>',
    ...serverSubjects,
  ]);
}

/** Publishes all of them, and returns those that the server has refused, sorted. */
async function refusedOf(connection: Connection, subjects: string[]): Promise<string[]> {
  const refused: string[] = [];
  watchLink(connection, {
    onRefused: (error) => refused.push((error as Error & { subject: string }).subject),
  });
  for (const subject of subjects) connection.publish(subject, 'forged');
  await connection.flush();
  // Told one after another, and none is left out: a missing one would end the test here.
  await vi.waitUntil(() => refused.length >= subjects.length, { timeout: 20_000 });
  return refused.sort();
}

interface Broker {
  connect(name: 'coordinator' | 'me' | 'victim', peer: string): Promise<Connection>;
  me: string;
  victim: string;
  stop(): Promise<void>;
}

const cluster = async (): Promise<Broker> => {
  const names = { coordinator: 'coordinator', me: 'worker-1', victim: 'worker-2' };
  return {
    connect: (name, peer) => connectBroker({ ...address(names[name]), name: peer, peer }),
    me: 'worker-1.a1',
    victim: 'worker-2.b2',
    stop: async () => {},
  };
};

const embedded = async (): Promise<Broker> => {
  const broker = await startBroker({ port: 0, folder: join(folder, 'embedded'), numLocalWorkers: 2 });
  const logins = { coordinator: broker, me: broker.localWorkers[0]!, victim: broker.localWorkers[1]! };
  return {
    connect: (name, peer) => connectBroker({ ...logins[name], url: broker.url, name: peer, peer }),
    me: 'local-1.a1',
    victim: 'local-2.b2',
    stop: () => broker.stop(),
  };
};

describe.each([
  ['keys and TLS, as unet-fleet credentials makes them', cluster],
  ["passwords, at a run's own broker", embedded],
])('a worker with %s', (_, open) => {
  let broker: Broker;
  let coordinator: Connection;
  let me: Connection;
  let victim: Connection;
  const everything: string[] = [];
  beforeAll(async () => {
    broker = await open();
    coordinator = await broker.connect('coordinator', reducer);
    me = await broker.connect('me', broker.me);
    victim = await broker.connect('victim', broker.victim);
  });
  afterAll(async () => {
    await Promise.all([coordinator, me, victim].map((connection) => connection.close()));
    await broker.stop();
  });

  test('is refused whatever it says that is not its own to say', async () => {
    // All that coordinator and victim can hear at all.
    const heard = (error: Error | null, message: { subject: string }) => {
      if (!error) everything.push(message.subject);
    };
    const ofCoordinator = [
      discoverSubject(anyPeer),
      run.join(anyPeer),
      run.up(anyPeer),
      run.fetch(reducer, anyPeer),
      `${run.frames(reducer, anyPeer)}.*`,
      `${inboxOf(reducer)}.>`,
    ];
    const ofVictim = [
      run.all,
      run.down(broker.victim),
      run.fetch(broker.victim, anyPeer),
      `${run.frames(broker.victim, anyPeer)}.*`,
      `${inboxOf(broker.victim)}.>`,
    ];
    for (const subject of ofCoordinator) coordinator.subscribe(subject, { callback: heard });
    for (const subject of ofVictim) victim.subscribe(subject, { callback: heard });
    await Promise.all([coordinator.flush(), victim.flush()]);

    const attempts = forbiddenToPublish(broker.me, broker.victim);
    expect(await refusedOf(me, attempts)).toEqual([...attempts].sort());
    await Promise.all([coordinator.flush(), victim.flush()]);
    expect(everything).toEqual([]);
    expect(attempts).toHaveLength(51);
  });

  test('is refused whatever it listens to that is not for it', async () => {
    const heard: string[] = [];
    const attempts = forbiddenToHear(broker.me, broker.victim);
    const errors: string[] = [];
    for (const queue of [undefined, 'crowd']) {
      for (const subject of attempts) {
        me.subscribe(subject, {
          ...(queue ? { queue } : {}),
          callback: (error, message) => (error ? errors.push(subject) : heard.push(message.subject)),
        });
      }
    }
    await me.flush();
    await vi.waitUntil(() => errors.length >= 2 * attempts.length, { timeout: 20_000 });
    expect(errors.sort()).toEqual([...attempts, ...attempts].sort());
    // All that passes between the others, said aloud.
    for (const subject of [run.down(broker.victim), `${inboxOf(broker.victim)}.a.1`]) {
      coordinator.publish(subject, 'secret');
    }
    coordinator.publish(run.fetch(broker.victim, reducer), 'secret');
    coordinator.publish(`${run.frames(broker.victim, reducer)}.0`, 'secret');
    for (const subject of [run.up(broker.victim), run.join(broker.victim), discoverSubject(broker.victim)]) {
      victim.publish(subject, 'secret');
    }
    victim.publish(run.fetch(reducer, broker.victim), 'secret');
    victim.publish(`${run.frames(reducer, broker.victim)}.0`, 'secret');
    // Twice: what one has sent by its first flush, another has got by its second.
    for (const connection of [coordinator, victim, me, coordinator, victim]) await connection.flush();
    expect(heard).toEqual([]);
    // The others did hear it.
    expect(everything).toHaveLength(9);
    expect(attempts).toHaveLength(50);
  });

  test('is missed by the coordinator at once when its connection closes', async () => {
    const name = `${broker.me}x`;
    const gone = new Promise<string>((resolve) => {
      watchDisconnects(coordinator, (workerId) => {
        if (workerId === name) resolve(workerId);
      });
    });
    await coordinator.flush();
    await (await broker.connect('me', name)).close();
    expect(await gone).toBe(name);
  });

  test('does all that it needs, and is answered', async () => {
    const violations: Error[] = [];
    for (const connection of [me, coordinator]) {
      watchLink(connection, { onRefused: (error) => violations.push(error) });
    }
    const told: string[] = [];
    for (const subject of [run.all, run.down(broker.me)]) {
      me.subscribe(subject, { callback: (_error, message) => told.push(message.subject) });
    }
    const asked: string[] = [];
    for (const subject of [discoverSubject(anyPeer), run.join(anyPeer), run.up(anyPeer)]) {
      coordinator.subscribe(subject, {
        callback: (_error, message) => {
          asked.push(message.subject);
          if (message.reply) message.respond('welcome');
        },
      });
    }
    await Promise.all([me.flush(), coordinator.flush()]);
    for (const subject of [discoverSubject(broker.me), run.join(broker.me)]) {
      expect((await me.request(subject, '', { timeout: 5_000 })).string()).toBe('welcome');
    }
    me.publish(run.up(broker.me), 'result');
    coordinator.publish(run.down(broker.me), 'lease');
    coordinator.publish(run.all, 'pulse');
    for (const connection of [me, coordinator, me]) await connection.flush();
    expect(asked).toEqual([discoverSubject(broker.me), run.join(broker.me), run.up(broker.me)]);
    expect(told.sort()).toEqual([run.all, run.down(broker.me)].sort());

    // Bulk values in both directions.
    const tag = runTagOf('run');
    const values = { term: 1, version: 0, level: 0, index: 0, format: 'float32' } as const;
    const ends = [
      { kind: 'gradient', from: me, of: broker.me, to: coordinator, by: reducer },
      { kind: 'gradient', from: coordinator, of: reducer, to: me, by: broker.me },
      { kind: 'weights', from: coordinator, of: reducer, to: me, by: broker.me },
    ] as const;
    for (const { kind, from, of, to, by } of ends) {
      const key: BulkKey = { kind, ...values };
      const outbox = new NatsOutbox(from, tag, run, of);
      const inbox = new NatsInbox(to, tag, run, by);
      outbox.offer(key, 0, Buffer.from('values'));
      await Promise.all([from.flush(), to.flush()]);
      const into = Buffer.alloc(6);
      await inbox.fetch(of, key, 0, into);
      expect(into.toString()).toBe('values');
      await Promise.all([inbox.close(), outbox.close()]);
    }
    expect(violations).toEqual([]);
  });
});

test('a run over TLS, with a key for each role, trains to its end', async () => {
  const data = await sampleFlags(join(folder, 'sample'), 12);
  const runDir = join(folder, 'run');
  const broker = ['--nats-url', `tls://localhost:${port}`, '--nats-ca', ca];
  const coordinator = start([
    ...['coordinator', ...broker, '--nats-seed', seedOf('coordinator'), ...data, '--run-dir', runDir],
    ...['--size', '48x64', '--base-width', '4', '--batch-size', '4', '--leaf-size', '2', '--epochs', '1'],
    ...['--device', 'cpu', '--threads', '1', '--min-workers', '2', '--json'],
  ]);
  const workers = ['worker-1', 'worker-2'].map((name) =>
    start(['worker', ...broker, '--nats-seed', seedOf(name), '--name', name]),
  );
  const outcome = outcomeOf(await coordinator.ended);
  expect(outcome).toMatchObject({ reason: 'completed' });
  for (const worker of workers) expect(await worker.ended).toMatchObject({ code: 0 });
  expect(server.said()).not.toMatch(/Violation.*v[\d.]+:nats\.js:(worker-[12]\.[0-9a-f]{12}|unet-fleet)/);
});

describe('a broker that is not as it should be is named', () => {
  const worker = (...flags: string[]) =>
    unetFleet(['worker', '--nats-url', `tls://localhost:${port}`, ...flags]);

  test.each([
    [
      'a seed that is missing',
      () => ['--nats-seed', '/nowhere/x.seed', '--nats-ca', ca],
      /^unet-fleet: there is no file \/nowhere\/x\.seed: check --nats-seed$/,
    ],
    ['a seed that is none', () => ['--nats-seed', ca, '--nats-ca', ca], /holds no key for a broker/],
    [
      'an authority that is none',
      () => ['--nats-seed', seedOf('worker-1'), '--nats-ca', seedOf('worker-1')],
      /holds no certificate/,
    ],
    [
      "the coordinator's seed",
      () => ['--nats-seed', seedOf('coordinator'), '--nats-ca', ca],
      /these credentials are the coordinator's/,
    ],
    [
      "the monitor's seed, which sees no run",
      () => ['--nats-seed', seedOf('monitor'), '--nats-ca', folder],
      /is no file: check --nats-ca/,
    ],
    [
      'no authority',
      () => ['--nats-seed', seedOf('worker-1')],
      /of an authority that this machine does not know: give the authority's certificate by --nats-ca/,
    ],
    [
      'no key',
      () => ['--nats-ca', ca],
      /asks for a user or a token: give --nats-user and --nats-password, --nats-token, or --nats-seed/,
    ],
    [
      'another host',
      () => ['--nats-seed', seedOf('worker-1'), '--nats-ca', ca, '--nats-url', `tls://127.0.0.2:${port}`],
      /is for other hosts/,
    ],
  ])('%s', async (_, flags, sentence) => {
    const { code, stderr } = await worker(...flags());
    expect(stderr.trim()).toMatch(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });
});

test.each([
  [
    'has expired',
    new Date('2020-01-01'),
    true,
    /has expired: make a new one, or set this machine's clock right/,
  ],
  ['is not valid yet', new Date(Date.now() + 1e9), true, /is not valid yet/],
  [
    'is of another authority',
    new Date(),
    false,
    /was not made by the authority in .*ca\.pem: check --nats-ca/,
  ],
])('a broker whose certificate %s is not spoken to', async (what, made, isOurs, sentence) => {
  const own = join(folder, what.replaceAll(' ', '-'));
  mkdirSync(own);
  const ours = {
    key: readFileSync(join(credentials, 'authority', 'ca-key.pem'), 'utf8'),
    certificate: readFileSync(ca, 'utf8'),
  };
  const authority = isOurs ? ours : await makeAuthority(new Date());
  const { key, certificate } = await makeServerCertificate(authority, ['localhost'], made);
  writeFileSync(join(own, 'server-key.pem'), key);
  writeFileSync(join(own, 'server.pem'), certificate);
  const otherPort = await freePort();
  const config = readFileSync(join(credentials, 'broker', 'nats-server.conf'), 'utf8')
    .replaceAll(join(credentials, 'broker'), own)
    .replace(`port: ${port}`, `port: ${otherPort}`);
  writeFileSync(join(own, 'nats-server.conf'), config);
  const other = await startNatsServer(join(own, 'nats-server.conf'));
  const url = `tls://localhost:${otherPort}`;
  await expect(connectBroker({ ...address('worker-1'), url, name: 'worker-1.a' })).rejects.toThrow(sentence);
  await other.stop();
});

test('a broker that offers no encryption where it is asked for is not spoken to', async () => {
  const plain = await startBroker({ port: 0, folder: join(folder, 'plain') });
  const url = plain.url.replace('nats:', 'tls:');
  await expect(connectBroker({ ...plain, url, name: 'a' })).rejects.toThrow(/offers no encryption/);
  await expect(connectBroker({ ...plain, ca, name: 'a' })).rejects.toThrow(/offers no encryption/);
  await plain.stop();
});

test('secrets are readable for their owner alone, and nothing is written over', async () => {
  for (const path of [
    seedOf('coordinator'),
    seedOf('worker-1'),
    seedOf('monitor'),
    join(credentials, 'authority', 'ca-key.pem'),
    join(credentials, 'broker', 'server-key.pem'),
  ]) {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  }
  const config = readFileSync(join(credentials, 'broker', 'nats-server.conf'), 'utf8');
  expect(config).not.toMatch(/SU[A-Z2-7]{56}|password/);
  const seed = readFileSync(seedOf('worker-1'), 'utf8');
  const again = await unetFleet([
    'credentials',
    '--workers',
    '1',
    '--hosts',
    'localhost',
    '--out',
    credentials,
  ]);
  expect(again.code).toBe(2);
  expect(again.stderr).toMatch(/is not empty, and credentials are never written over/);
  expect(readFileSync(seedOf('worker-1'), 'utf8')).toBe(seed);
});

test('workers are added to a broker that runs, and revoked, and nobody else is disconnected', async () => {
  const connection = await connectBroker({ ...address('worker-1'), name: 'worker-1.a' });
  const onLost = vi.fn();
  watchLink(connection, { onLost });
  const change = async (...flags: string[]) => {
    const { code, stdout, stderr } = await unetFleet([
      'credentials',
      '--out',
      credentials,
      '--json',
      ...flags,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return JSON.parse(stdout);
  };
  const reload = async () => {
    const numBefore = server.said().split('Reloaded server configuration').length;
    server.signal('SIGHUP');
    await vi.waitUntil(() => server.said().split('Reloaded server configuration').length > numBefore, {
      timeout: 20_000,
    });
  };
  expect(await change('--add', '1')).toMatchObject({ written: ['worker-4'], numWorkers: 4 });
  await expect(connectBroker({ ...address('worker-4'), name: 'worker-4.a' })).rejects.toThrow(
    /refuses the key/,
  );
  await reload();
  const newcomer = await connectBroker({ ...address('worker-4'), name: 'worker-4.a' });
  expect(await refusedOf(newcomer, [run.up('worker-1.a')])).toEqual([run.up('worker-1.a')]);

  const lost = new Promise((resolve) => watchLink(newcomer, { onLost: resolve }));
  expect(await change('--revoke', 'worker-4')).toMatchObject({ written: [], numWorkers: 3 });
  await reload();
  await lost;
  await expect(connectBroker({ ...address('worker-4'), name: 'worker-4.b' })).rejects.toThrow(
    /refuses the key/,
  );
  // Its name is not given again.
  expect(await change('--add', '1', '--hosts', 'localhost')).toMatchObject({
    written: ['worker-5'],
    numWorkers: 4,
  });
  await connection.flush();
  expect(onLost).not.toHaveBeenCalled();
  await Promise.all([newcomer.close(), connection.close()]);
});

test("a process with reducers speaks for reducers alone, at a run's own broker", async () => {
  const broker = await startBroker({ port: 0, folder: join(folder, 'with-reducers') });
  const me = 'reducer.a1';
  const connection = await connectBroker({ ...broker.reducer, url: broker.url, name: me, peer: me });
  const worker = 'worker.w1';
  const attempts = [
    ...[run.all, run.reducers, run.join(me), run.join(worker), run.up(me), run.up(worker), run.down(worker)],
    ...[run.reducerDown(me), run.reducerUp(worker), run.reducerUp(reducer), discoverSubject(me)],
    ...[run.fetch(worker, reducer), `${run.frames(worker, reducer)}.0`, `${run.frames(reducer, worker)}.0`],
    ...[`${inboxOf(worker)}.a.1`, `${inboxOf(reducer)}.a.1`, disconnectSubject, '$SYS.REQ.SERVER.PING'],
  ];
  expect(await refusedOf(connection, attempts)).toEqual([...attempts].sort());
  const deaf: string[] = [];
  const closed = [run.up(anyPeer), run.down(worker), run.reducerUp('reducer.*'), run.fetch(reducer, anyPeer)];
  for (const subject of [...closed, `${run.frames(worker, anyPeer)}.*`, '>']) {
    connection.subscribe(subject, { callback: (error) => void (error && deaf.push(subject)) });
  }
  await connection.flush();
  await vi.waitUntil(() => deaf.length === closed.length + 2, { timeout: 20_000 });
  await connection.close();
  await broker.stop();
});
