// What a real nats-server answers is tested with the embedded broker; here, everything that is no such server.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { exitCodes, UserError } from '@unet-fleet/law';
import { afterEach, expect, test } from 'vitest';
import { type ConnectOptions, connectBroker, connectWhenThere } from './connect.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

async function failure(options: Partial<ConnectOptions>): Promise<UserError> {
  const error = await connectBroker({ url: '', user: '', password: '', name: 'test', ...options }).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  return error as UserError;
}

test('a port where nobody listens', async () => {
  const server = createServer();
  const port = await listen(server);
  server.close();
  const { message, exitCode } = await failure({ url: `nats://127.0.0.1:${port}` });
  expect(message).toContain(`no broker answers at nats://127.0.0.1:${port} (connection refused): `);
  expect(message).toContain('start nats-server there, check --nats-url, or leave --nats-url out');
  expect(exitCode).toBe(exitCodes.unavailable);
});

test('something that listens and says nothing', async () => {
  const port = await listen(createServer());
  const { message, exitCode } = await failure({ url: `127.0.0.1:${port}`, timeoutMs: 50 });
  expect(message).toContain(`no broker answers at nats://127.0.0.1:${port} (`);
  expect(exitCode).toBe(exitCodes.unavailable);
});

test('something that speaks another protocol', async () => {
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const { message } = await failure({ url: `nats://127.0.0.1:${await listen(server)}`, timeoutMs: 2000 });
  expect(message).toMatch(/^no broker answers at nats:\/\/127\.0\.0\.1:\d+ \(/);
});

test('a host that nobody knows', async () => {
  const { message, exitCode } = await failure({ url: 'nats://broker.invalid' });
  expect(message).toBe(
    'no host has the name of the broker nats://broker.invalid:4222: check --nats-url and the name service',
  );
  expect(exitCode).toBe(exitCodes.unavailable);
});

test.each(['', 'http://host:80', 'nats://', 'nats://host:70000', 'not an address'])(
  '%j is no address',
  async (url) => {
    const { message, exitCode } = await failure({ url });
    expect(message).toContain('is no broker address: give --nats-url as nats://host:4222');
    expect(exitCode).toBe(exitCodes.usage);
  },
);

test.each(['nats://fleet:secret@host.invalid:4222', 'ftp://fleet:secret@host'])(
  'a password in the address %s is never repeated',
  async (url) => {
    const { message } = await failure({ url });
    expect(message).not.toContain('secret');
    expect(message).toContain('host');
  },
);

test('a broker that is not there yet is waited for, said once, and no longer than asked', async () => {
  const server = createServer();
  const port = await listen(server);
  server.close();
  const options = { url: `nats://127.0.0.1:${port}`, user: '', password: '', name: 'test' };
  const waits: string[] = [];
  const onWait = (reason: string) => waits.push(reason);
  const never = new AbortController().signal;
  await expect(connectWhenThere(options, 0, onWait, never)).rejects.toThrow(/no broker answers/);
  expect(waits).toEqual([]);
  await expect(connectWhenThere(options, 1_200, onWait, never)).rejects.toThrow(/no broker answers/);
  expect(waits).toEqual([expect.stringContaining('connection refused')]);
  // What waiting does not mend is said at once.
  const bad = { ...options, url: 'http://host' };
  await expect(connectWhenThere(bad, 60_000, onWait, never)).rejects.toThrow(/is no broker address/);
  const leave = new AbortController();
  const left = connectWhenThere(options, 60_000, () => leave.abort(), leave.signal);
  expect(await left).toBe(null);
});
