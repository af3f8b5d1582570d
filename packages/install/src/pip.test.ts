import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pipDownload, pipError, pipVersion } from './pip.ts';
import { makeWheel } from './test-wheel.test-helper.ts';

const request = { name: 'gadget', version: '1.0', abi: 'none', platformTag: 'manylinux2014_x86_64' };

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unet-fleet-pip-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A PATH with nothing but a python3 that does what `script` says. */
function pathWith(script: string): Record<string, string> {
  const path = join(folder, 'path');
  mkdirSync(path);
  if (script) writeFileSync(join(path, 'python3'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: path };
}

/** pip as the user has it, told where to look in the way that users tell it. */
const pipWith = (settings: Record<string, string>) => ({
  ...process.env,
  PIP_CONFIG_FILE: '/dev/null',
  PIP_FIND_LINKS: '',
  PIP_EXTRA_INDEX_URL: '',
  ...settings,
});

test('no python3', async () => {
  await expect(pipVersion(pathWith(''))).rejects.toThrow(
    /^there is no python3 on PATH: install Python 3 with pip \(Debian: apt install python3-pip\), which fetches TensorFlow and nats-server, once$/,
  );
});

test('a python3 without pip', async () => {
  const env = pathWith('echo "/usr/bin/python3: No module named pip" >&2; exit 1');
  await expect(pipVersion(env)).rejects.toThrow(
    /^python3 has no pip \(\/usr\/bin\/python3: No module named pip\): install it \(Debian: apt install python3-pip; elsewhere: python3 -m ensurepip\)$/,
  );
});

test("the version is told without pip's folder", async () => {
  const env = pathWith('echo "pip 23.2.1 from /usr/lib/python3/site-packages/pip (python 3.11)"');
  expect(await pipVersion(env)).toBe('pip 23.2.1 (python 3.11)');
});

test("the user's own pip, with its own settings, brings the pinned file whatever its Python is", async () => {
  const { path } = makeWheel(folder);
  const seen: number[] = [];
  const env = pipWith({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
  const downloaded = await pipDownload(request, join(folder, 'work'), (bytes) => seen.push(bytes), env);
  expect(readFileSync(downloaded)).toEqual(readFileSync(path));
});

test('an index that does not answer', async () => {
  const env = pipWith({ PIP_INDEX_URL: 'http://127.0.0.1:1/simple', PIP_RETRIES: '1' });
  await expect(pipDownload(request, join(folder, 'work'), () => {}, env)).rejects.toThrow(
    /^gadget 1\.0 could not be fetched, the package index does not answer: check the network and pip's settings \(python3 -m pip config list\), then try again$/,
  );
});

test('an index without the file', async () => {
  const env = pipWith({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: folder });
  await expect(pipDownload(request, join(folder, 'work'), () => {}, env)).rejects.toThrow(
    /^the package index has no gadget 1\.0 for manylinux2014_x86_64: check pip's settings/,
  );
});

test.each([
  [
    'ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device',
    'the disk is full while fetching gadget 1.0: free some space',
  ],
  [
    "WARNING: Retrying after connection broken by 'NewConnectionError('[Errno -3] Temporary failure in name resolution')'\nERROR: No matching distribution found for gadget==1.0",
    'the package index does not answer',
  ],
  ['pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.', 'the package index does not answer'],
  ['ERROR: something else\n\n', 'pip could not fetch gadget 1.0: ERROR: something else'],
])('what pip says becomes one sentence: %s', (stderr, sentence) => {
  const error = pipError({ exitCode: 1, stdout: '', stderr }, request);
  expect(error.message).toContain(sentence);
  expect(error.exitCode).toBe(3);
});
