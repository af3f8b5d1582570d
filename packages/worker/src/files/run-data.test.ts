/** The data of a run where the broker goes while a worker opens it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import { subjectsOf, type Welcome } from '@unet-fleet/wire';
import { expect, test } from 'vitest';
import { openRunData } from './run-data.ts';

test('a broker that is gone when the data is opened is waited for, until the worker is asked to leave', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'run-data-'));
  const leave = new AbortController();
  const told: string[] = [];
  const info = (message: string) => {
    told.push(message);
    leave.abort();
  };
  const options = {
    // A name that no service has, as that of a Service whose pod is being replaced.
    broker: { url: 'nats://broker.invalid:4222', user: '', password: '' },
    workerId: 'w',
    ...{ images: '', masks: '', pack: '', packToken: '', mustFetch: true, cacheDir: folder, env: {} },
    sampleCache: { folder, maxBytes: 1e6 },
    log: { info, debug() {} },
  };
  const { data } = loadConfig({ env: {}, flags: {} });
  const welcome = { term: 1, data } as Welcome;
  const opened = await openRunData(welcome, subjectsOf('r'), options, () => true, leave.signal);
  rmSync(folder, { recursive: true });
  expect(opened).toBeNull();
  expect(told[0]).toMatch(/^waiting for the broker: no host has the name of the broker/);
});
