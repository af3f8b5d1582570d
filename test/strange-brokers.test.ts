/**
 * Brokers as they are found: on an IPv6 address, with a token or a password of odd characters, with messages far smaller
 * than usual. Real servers; a run over the strangest of them ends with the weights of any other.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { mostSubscriptions, probeBroker } from '@unet-fleet/coordinator/broker/probe';
import { UserError } from '@unet-fleet/law';
import { type BulkKey, NatsInbox, NatsOutbox, runTagOf, subjectsOf } from '@unet-fleet/wire';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { afterAll, afterEach, expect, test } from 'vitest';
import { freePort, type OperatedServer, startNatsServer } from './helpers/nats-server.ts';
import { start, unetFleet } from './helpers/processes.ts';
import { sampleFlags } from './helpers/runs.ts';

const folder = mkdtempSync(join(tmpdir(), 'strange-brokers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const servers: OperatedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ family }) => family === 'IPv6'),
);
const [listen, host] = hasIpv6 ? ['::1', '[::1]'] : ['127.0.0.1', '127.0.0.1'];

/** Starts a server with these lines of configuration; returns its port. */
async function serve(...lines: string[]): Promise<number> {
  const port = await freePort();
  const path = join(folder, `${port}.conf`);
  writeFileSync(path, [`host: "${listen}"`, `port: ${port}`, ...lines, ''].join('\n'));
  servers.push(await startNatsServer(path));
  return port;
}

const secret = 'n0-one/knows@this';
const smallPayload = 32 * 1024;

/** All that a folder's files hold. */
const textBelow = (path: string): string =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .map((name) => textBelow(join(path, name)))
        .join('\n')
    : readFileSync(path, 'latin1');

test('a run over IPv6, with a token and messages of 32 KB, is the run that it always is, and tells nobody the token', async () => {
  const data = await sampleFlags(join(folder, 'sample'), 12);
  const recipe = [
    '--size',
    '48x64',
    '--base-width',
    '4',
    '--batch-size',
    '4',
    '--threads',
    '1',
    '--seed',
    '3',
  ];
  const common = [
    ...data,
    ...recipe,
    '--epochs',
    '1',
    '--dashboard',
    'false',
    '--tensorboard',
    'false',
    '--json',
  ];
  const port = await serve(`authorization { token: "${secret}" }`, `max_payload: ${smallPayload}`);
  const runDir = join(folder, 'strange');
  const env = { UNET_FLEET_NATS_URL: `nats://${encodeURIComponent(secret)}@${host}:${port}` };
  const coordinator = start(['coordinator', ...common, '--run-dir', runDir], { env });
  const flags = ['--fetch', '--sample-cache', join(folder, 'samples'), '--wait-run', '60'];
  const byToken = { UNET_FLEET_NATS_URL: `${host}:${port}`, UNET_FLEET_NATS_TOKEN: secret };
  const worker = start(['worker', ...flags], { env: byToken });
  const strange = await coordinator.ended;
  expect(strange.code, strange.stderr).toBe(0);
  expect((await worker.ended).code, worker.said()).toBe(0);
  const usual = await unetFleet(['train', ...common, '--run-dir', join(folder, 'usual')]);
  const weightsOf = (text: string) => JSON.parse(text).weightsSha256;
  expect(weightsOf(strange.stdout)).toBe(weightsOf(usual.stdout));
  expect(textBelow(runDir) + coordinator.said() + worker.said()).not.toContain(secret);
  const report = await unetFleet(['report', runDir]);
  expect(readFileSync(join(runDir, 'report.html'), 'utf8') + report.stdout).not.toContain(secret);
}, 120_000);

test('whoever has no token, or another, is told so without one', async () => {
  const port = await serve(`authorization { token: "${secret}" }`);
  const connect = (url: string) => connectBroker({ url, user: '', password: '', name: 'test' });
  await expect(connect(`nats://${host}:${port}`)).rejects.toThrow(
    /asks for a user or a token: .*--nats-token/,
  );
  await expect(connect(`nats://wrong-one@${host}:${port}`)).rejects.toThrow(
    /^(?!.*wrong-one).*refuses the token/,
  );
  await (await connect(`nats://${encodeURIComponent(secret)}@${host}:${port}`)).close();
});

test('a user and password of any characters come in by the address', async () => {
  const port = await serve(`authorization { user: "a@b.c", password: "p:/ ?#%" }`);
  const connect = (password: string) =>
    connectBroker({
      url: `nats://a%40b.c:${encodeURIComponent(password)}@${host}:${port}`,
      user: '',
      password: '',
      name: 'test',
    });
  await (await connect('p:/ ?#%')).close();
  await expect(connect('guess')).rejects.toThrow(/^(?!.*guess).*refuses the password of user a@b\.c/);
});

test('a bucket comes whole in pieces that the broker takes, without a word of complaint', async () => {
  const port = await serve(`max_payload: ${smallPayload}`);
  const connect = () => connectBroker({ url: `${host}:${port}`, user: '', password: '', name: 'test' });
  const [sender, receiver] = [await connect(), await connect()];
  const [tag, subjects] = [runTagOf('run'), subjectsOf('run')];
  const faults: string[] = [];
  const outbox = new NatsOutbox(sender, tag, subjects, 'worker.w');
  const inbox = new NatsInbox(receiver, tag, subjects, 'coordinator.c', (_, what) => faults.push(what));
  const bytes = Uint8Array.from({ length: 200_003 }, (_, i) => (i * 7919) >> 5);
  const key: BulkKey = {
    ...{ kind: 'gradient', term: 1, version: 1, level: 0, index: 0, format: 'float32' },
  };
  outbox.offer(key, 0, bytes);
  // The broker knows of it before anybody asks.
  await sender.flush();
  const into = new Uint8Array(bytes.length);
  await inbox.fetch('worker.w', key, 0, into);
  expect(Buffer.compare(into, bytes)).toBe(0);
  expect(faults).toEqual([]);
  await Promise.all([sender.close(), receiver.close()]);
});

test.each([
  ['max_payload: 8KB', /takes messages of at most 8192 bytes, and a run needs 16384: raise max_payload/],
])('%s is told when it connects', async (line, sentence) => {
  const port = await serve(line);
  const failed = connectBroker({ url: `${host}:${port}`, user: '', password: '', name: 'test' });
  await expect(failed).rejects.toThrow(UserError);
  await expect(failed).rejects.toThrow(sentence);
});

test('a broker that is full says so by name, and not that nobody answers', async () => {
  const port = await serve('max_connections: 1');
  const connect = () =>
    connectBroker({ url: `${host}:${port}`, user: '', password: '', name: 'test', timeoutMs: 500 });
  const only = await connect();
  await expect(connect()).rejects.toThrow(
    /takes no more connections: raise max_connections there .*coordinator.*worker/,
  );
  await only.close();
});

test('a broker that allows too few subscriptions is told before the run begins, and one that allows enough is not', async () => {
  const probe = async (most: number) => {
    const port = await serve(`max_subscriptions: ${most}`);
    await probeBroker({ url: `${host}:${port}`, user: '', password: '' }, 'coordinator.a');
  };
  await probe(mostSubscriptions);
  await expect(probe(mostSubscriptions - 1)).rejects.toThrow(
    /fewer than 24 subscriptions, which a run needs: raise max_subscriptions/,
  );
});
