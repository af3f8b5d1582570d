/** `unet-fleet dashboard` as a person starts and ends it, and a run whose page can't be served. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { History, RunSummary } from '@unet-fleet/dashboard/protocol';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { linksIn } from './helpers/links.ts';
import { start, unetFleet, until } from './helpers/processes.ts';
import { outcomeOf, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
const runs = join(folder, 'runs');
let train: string[];
beforeAll(async () => {
  train = [
    ...['train', ...(await sampleFlags(join(folder, 'sample'), 12)), '--size', '48x64', '--base-width', '4'],
    ...['--epochs', '1', '--device', 'cpu', '--threads', '1', '--json'],
  ];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a run goes on where its port is taken, and remembers its links for its owner alone', async () => {
  const taken = createServer();
  const port = await new Promise<number>((resolve) => {
    taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
  });
  const runDir = join(runs, 'first');
  const run = start([...train, '--run-dir', runDir, '--dashboard-port', String(port)]);
  const links = await until(run, 'its links', () => linksIn(run.said()) ?? undefined);
  expect(new URL(links.viewLink).port).not.toBe(String(port));
  const ended = await run.ended;
  expect(outcomeOf(ended).reason).toBe('completed');
  expect(ended.stderr).toMatch(new RegExp(`port ${port} is taken`));
  const remembered = join(runDir, 'dashboard.json');
  expect(statSync(remembered).mode & 0o777).toBe(0o600);
  const token = new URLSearchParams(new URL(links.controlLink).hash.slice(1)).get('token')!;
  expect(readFileSync(remembered, 'utf8')).toContain(token);
  for (const file of ['log.jsonl', 'metrics.jsonl', 'config.json', 'status.json']) {
    expect(readFileSync(join(runDir, file), 'utf8'), file).not.toContain(token);
  }
  taken.close();
});

test('an address that is not of this machine, or none at all, is a warning or nothing', async () => {
  const away = await unetFleet([
    ...train,
    '--run-dir',
    join(runs, 'second'),
    '--dashboard-host',
    '192.0.2.1',
  ]);
  expect(outcomeOf(away).reason).toBe('completed');
  expect(away.stderr).toMatch(
    /192\.0\.2\.1:\d+ can't be listened on for the live page: this machine has no such address .*by --dashboard-host/,
  );
  const without = await unetFleet([...train, '--run-dir', join(runs, 'third'), '--dashboard', 'false']);
  expect([outcomeOf(without).reason, linksIn(without.stderr)]).toEqual(['completed', null]);
});

test('the runs of a folder are on a page until it is asked to end', async () => {
  mkdirSync(join(runs, 'no run'));
  writeFileSync(join(runs, 'a file'), '');
  const dashboard = start(['dashboard', runs, '--dashboard-port', '0']);
  const link = await until(dashboard, 'its link', () => /http:\S+/.exec(dashboard.said())?.[0]);
  expect(await (await fetch(link)).text()).toContain('<div id="app">');
  const listed = (await (await fetch(`${link}api/runs`)).json()) as RunSummary[];
  expect(listed.map(({ name, state }) => [name, state]).sort()).toEqual([
    ['first', 'ended'],
    ['second', 'ended'],
    ['third', 'ended'],
  ]);
  const history = (await (await fetch(`${link}api/runs/first/history`)).json()) as History;
  expect(history.curves.trainLoss.length).toBe(listed[0]!.numSteps);
  dashboard.signal('SIGTERM');
  expect((await dashboard.ended).code).toBe(0);
});

test('a folder that is not there, and a run that is named itself', async () => {
  const missing = await unetFleet(['dashboard', join(folder, 'nowhere')]);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toMatch(/^unet-fleet: there is no folder .*nowhere: name the folder/);
  const one = start(['dashboard', join(runs, 'first'), '--dashboard-port', '0', '--json']);
  const printed = await until(one, 'its link', () => /"link": "(.*)"/.exec(one.said())?.[1]);
  expect(new URLSearchParams(new URL(printed).hash.slice(1)).get('run')).toBe('first');
  one.signal('SIGINT');
  expect((await one.ended).code).toBe(0);
});
