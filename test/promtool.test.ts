/** Prometheus's own checker finds nothing in what a coordinator and a worker serve, nor in what Grafana asks. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { findPromtool } from './helpers/promtool.ts';
import { ask, asked, startServedRun } from './helpers/served-run.ts';

vi.setConfig({ testTimeout: 180_000 });

const folder = mkdtempSync(join(tmpdir(), 'promtool-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const promtool = findPromtool()!;

/** What `promtool check metrics` says, and with which exit code: 1 where it can't read, 3 for what it would name otherwise. */
const check = (input: string) => {
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], { input, encoding: 'utf8' });
  return { status, said: stdout + stderr };
};

it('finds nothing in the metrics of a coordinator and a worker', async () => {
  const flags = ['--size', '32x48', '--base-width', '4', '--batch-size', '3', '--validation-share', '0.25'];
  flags.push('--epochs', '100', '--threads', '1', '--device', 'cpu', '--min-workers', '1');
  const run = await startServedRun(folder, flags);
  const worker = await run.startWorker();
  const validated = /^unet_fleet_validations_total [1-9]/m;
  const ofCoordinator = await asked(run.coordinator, '/metrics', ({ text }) => validated.test(text));
  const ofWorker = (await ask(worker.port, '/metrics'))!;
  for (const { process } of [run.coordinator, worker]) {
    process.signal('SIGKILL');
    await process.ended;
  }
  await run.stopBroker();
  expect(ofCoordinator.text).toContain('unet_fleet_validation_mean_iou_ratio ');
  expect(ofCoordinator.text).toContain('unet_fleet_member_info{');
  expect(ofWorker.text).toContain('unet_fleet_worker_leaves_total{kind="validation"}');
  for (const { text } of [ofCoordinator, ofWorker]) expect(check(text)).toEqual({ status: 0, said: '' });
});

it('would find what is amiss', () => {
  const amiss = '# TYPE steps counter\nsteps 1\n';
  expect(check(amiss)).toMatchObject({ status: 3, said: expect.stringContaining('"_total" suffix') });
  expect(check('no metric at all\n').status).toBe(1);
});

it("reads each of Grafana's queries", () => {
  const { panels } = JSON.parse(
    readFileSync(new URL('../deploy/grafana/unet-fleet.json', import.meta.url), 'utf8'),
  ) as { panels: { targets: { expr: string }[] }[] };
  const rules = panels
    .flatMap(({ targets }) => targets)
    .map(({ expr }, i) => ({ record: `query:${i}`, expr }));
  const path = join(folder, 'rules.json');
  // JSON is YAML, which it asks for.
  writeFileSync(path, JSON.stringify({ groups: [{ name: 'grafana', rules }] }));
  const said = execFileSync(promtool, ['check', 'rules', path], { encoding: 'utf8' });
  expect(said).toContain(`SUCCESS: ${rules.length} rules found`);
});
