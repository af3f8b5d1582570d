import { createServer, type Server } from 'node:net';
import { exitCodes } from '@unet-fleet/law';
import { afterEach, expect, it } from 'vitest';
import { connectBroker } from './connect.ts';

let server: Server;
afterEach(() => new Promise((closed) => server.close(closed)));

/** What a broker answers, whoever logs in with whatever password. */
async function connectTo(answer: string): Promise<unknown> {
  server = createServer((socket) => {
    socket.write('INFO {"server_id":"x","version":"2.15.1","auth_required":true,"max_payload":1048576}\r\n');
    socket.once('data', () => socket.end(`-ERR '${answer}'\r\n`));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  const access = { user: 'worker-1', password: 'secret' };
  return connectBroker({ url: `nats://127.0.0.1:${port}`, ...access, name: 'test' }).catch((error) => error);
}

it('calls a log-in that took the broker too long a fault that may pass, and a wrong password none', async () => {
  expect(await connectTo('Authentication Timeout')).toMatchObject({
    exitCode: exitCodes.unavailable,
    message: expect.stringContaining('too busy'),
  });
  server.close();
  expect(await connectTo('Authorization Violation')).toMatchObject({
    exitCode: exitCodes.usage,
    message: expect.stringContaining('refuses the password of user worker-1'),
  });
});
