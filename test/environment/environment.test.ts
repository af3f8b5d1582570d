/** A few cells of the environment matrix: those that ended runs, lost what they had computed, or dumped core. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFixture } from './fixture.ts';
import { runMatrix } from './matrix.ts';
import { cells, differences } from './table.ts';

const folder = mkdtempSync(join(tmpdir(), 'environment-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const chosen = [
  ['stdout on a full disk', 'train'],
  ['stdout on a full disk', 'config'],
  ['stdout whose reader goes', 'config'],
  ['stdout whose reader stopped', 'train, long'],
  ['terminal closed', 'train, long'],
  ['terminal closed after disown', 'config'],
  ['SIGHUP', 'evaluate'],
  ['SIGINT', 'train, scanning'],
  ['nohup and SIGHUP, then SIGTERM', 'train, long'],
];

test('commands without their terminal, and those that signals end, leave as the table says', async () => {
  const wanted = cells().filter(({ situation, command }) =>
    chosen.some(([of, name]) => of === situation && name === command),
  );
  expect(wanted).toHaveLength(chosen.length);
  const reports = await runMatrix(wanted, { fixture: makeFixture(folder), folder });
  const failed = reports.filter(({ failures }) => failures.length > 0);
  expect(
    failed.map(({ situation, command, failures, result }) => ({ situation, command, failures, result })),
  ).toEqual([]);
}, 240_000);

test('a cell that ends otherwise is noticed', () => {
  const result = { code: 0, stdout: '', stderr: 'warning: it goes on' };
  expect(differences({ code: 4 }, result)).toEqual(['ended with 0, not 4']);
  expect(differences({ code: [0, 3], says: /the disk is full/ }, result)).toEqual([
    'does not say the disk is full',
  ]);
  expect(differences({ code: [0, 3], says: /goes on/ }, result)).toEqual([]);
});
