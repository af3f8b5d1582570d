import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { exitCodes } from '@unet-fleet/law';
import { disconnectSubject, watchLink } from '@unet-fleet/wire';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchDisconnects } from './disconnects.ts';
import { type Broker, startBroker } from './embedded.ts';

let folder = '';
const started: Broker[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'broker-test-'));
});

afterEach(async () => {
  await Promise.all(started.splice(0).map((broker) => broker.stop()));
  rmSync(folder, { recursive: true });
});

async function start(port = 0, onWarning = (_message: string) => {}): Promise<Broker> {
  const broker = await startBroker({ port, folder, numLocalWorkers: 2, onWarning });
  started.push(broker);
  return broker;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test('listens when it is returned, carries messages up to 2 MiB, and ends at stop', async () => {
  const broker = await start();
  const connection = await connectBroker({ ...broker, name: 'test' });
  expect(connection.info?.max_payload).toBe(8 * 1024 ** 2);
  const subject = '_INBOX.coordinator.a';
  const subscription = connection.subscribe(subject, { max: 1 });
  connection.publish(subject, new Uint8Array(1 << 20).fill(7));
  for await (const message of subscription) expect(message.data.length).toBe(1 << 20);
  await connection.close();
  await broker.stop();
  expect(isAlive(broker.pid)).toBe(false);
  await expect(connectBroker({ ...broker, name: 'test' })).rejects.toThrow(/no broker answers at nats:/);
  // The credentials are gone with it, the log stays.
  expect(readdirSync(folder)).toEqual(['nats-server.log']);
});

test('keeps its credentials to the user, and lets nobody in without them', async () => {
  const broker = await start();
  const name = readdirSync(folder).find((file) => file.startsWith('broker-'))!;
  expect(statSync(join(folder, name, 'nats-server.conf')).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, name)).mode & 0o777).toBe(0o700);
  expect(readFileSync(join(folder, 'nats-server.log'), 'utf8')).not.toContain(broker.password);
  await expect(connectBroker({ ...broker, user: '', password: '', name: 'test' })).rejects.toThrow(
    /asks for a user or a token: give --nats-user and --nats-password/,
  );
  await expect(connectBroker({ ...broker, password: 'guess', name: 'test' })).rejects.toThrow(
    /refuses the password of user coordinator: check --nats-user and --nats-password/,
  );
});

test('two brokers at once get ports of their own', async () => {
  const [first, second] = await Promise.all([start(), start()]);
  expect(first.port).not.toBe(second.port);
  expect(first.password).not.toBe(second.password);
});

test('the coordinator learns at once that a worker went away, and nobody else hears or forges it', async () => {
  const broker = await start();
  const coordinator = await connectBroker({ ...broker, name: 'coordinator' });
  const gone = new EventEmitter();
  const watch = watchDisconnects(coordinator, (workerId) => gone.emit('gone', workerId));
  const eavesdropper = await connectBroker({ ...broker, ...broker.localWorkers[1]!, name: 'local-2.b' });
  const refused = vi.fn();
  eavesdropper.subscribe(disconnectSubject, { callback: refused });
  await Promise.all([coordinator.flush(), eavesdropper.flush()]);
  expect(refused).toHaveBeenCalledWith(expect.objectContaining({ name: 'PermissionViolationError' }), {});

  const heard: string[] = [];
  gone.on('gone', (workerId: string) => heard.push(workerId));
  // Neither a message of its own nor a connection in another worker's name is believed.
  const event = JSON.stringify({ client: { name: 'local-1.a', user: 'local-1' } });
  eavesdropper.publish(disconnectSubject, event);
  await (await connectBroker({ ...broker, ...broker.localWorkers[1]!, name: 'local-1.a' })).close();
  const worker = await connectBroker({ ...broker, ...broker.localWorkers[0]!, name: 'local-1.a1' });
  const told = once(gone, 'gone');
  await worker.close();
  await told;
  expect(heard).toEqual(['local-1.a1']);
  expect(watch.isAvailable).toBe(true);
  await Promise.all([coordinator.close(), eavesdropper.close()]);
});

test('a port in use is named, with the flag that changes it', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  await expect(startBroker({ port, folder })).rejects.toThrow(
    `port ${port} on 127.0.0.1 is in use: choose another by --nats-port, or 0 for any free one`,
  );
  other.close();
  // What failed left no server behind and nothing in the way of the next start.
  expect((await start()).port).toBeGreaterThan(0);
});

test('a server that is killed is started again where it was, and its clients come back', async () => {
  const warnings: string[] = [];
  const broker = await start(0, (message) => warnings.push(message));
  const { pid } = broker;
  const connection = await connectBroker({ ...broker, name: 'test', peer: 'coordinator.a' });
  const back = new EventEmitter();
  const onLost = vi.fn();
  const link = watchLink(connection, { onLost, onBack: () => back.emit('back') });
  const subject = disconnectSubject;
  const heard = new EventEmitter();
  connection.subscribe(subject, { callback: () => heard.emit('heard') });
  for (let kills = 1; kills <= 2; kills++) {
    const returned = once(back, 'back');
    process.kill(broker.pid, 'SIGKILL');
    await returned;
    expect(onLost).toHaveBeenCalledTimes(kills);
  }
  expect(link.isUp).toBe(true);
  expect(broker.pid).not.toBe(pid);
  expect(warnings).toEqual(
    Array(2).fill('the embedded broker was killed: it is started again, and everything waits for it'),
  );
  // What was subscribed to still is, at a server that knew nothing of it; the credentials are the same.
  const told = once(heard, 'heard');
  await (await connectBroker({ ...broker, ...broker.worker, name: 'worker.a' })).close();
  await told;
  await connection.close();
});

test('a broker that cannot be started again says why, once and for all', async () => {
  const broker = await startBroker({ port: 0, folder, restartPausesMs: [20, 20, 20] });
  started.push(broker);
  // Where its configuration has to be written, there is nothing any more.
  rmSync(join(folder, readdirSync(folder).find((name) => name.startsWith('broker-'))!), { recursive: true });
  process.kill(broker.pid, 'SIGKILL');
  const error = await broker.failed;
  expect(error.message).toMatch(
    /^the embedded broker ended and could not be started again in 3 attempts; the last one: ENOENT: .*nats-server\.conf/,
  );
  expect(error.exitCode).toBe(exitCodes.unavailable);
});

test('stopping while the server is being started again leaves none behind', async () => {
  const broker = await start();
  const { pid } = broker;
  process.kill(pid, 'SIGKILL');
  await vi.waitUntil(() => !isAlive(pid), { interval: 1, timeout: 20_000 });
  await broker.stop();
  expect(readdirSync(folder)).toEqual(['nats-server.log']);
  await expect(connectBroker({ ...broker, name: 'test' })).rejects.toThrow(/no broker answers/);
});

test('dies with the process that started it, even one that is killed, and does not hear its Ctrl-C', async () => {
  const module = pathToFileURL(fileURLToPath(new URL('../../dist/broker/embedded.js', import.meta.url))).href;
  const script = `
    const { startBroker } = await import(${JSON.stringify(module)});
    const broker = await startBroker({ port: 0, folder: ${JSON.stringify(folder)} });
    console.log(broker.pid);
    setInterval(() => {}, 1000);
    process.on('SIGINT', () => console.log('interrupted'));
  `;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const lines: string[] = [];
  parent.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  await vi.waitUntil(() => lines.length > 0, { timeout: 20_000 });
  const pid = Number(lines[0]);
  // As a terminal does: to the whole group of the process in front.
  process.kill(-parent.pid!, 'SIGINT');
  await vi.waitUntil(() => lines.includes('interrupted'), { timeout: 20_000 });
  expect(isAlive(pid)).toBe(true);
  parent.kill('SIGKILL');
  await vi.waitUntil(() => !isAlive(pid), { timeout: 20_000 });
});
