/** A coordinator that is killed and started again: the open page says so, comes back by itself and is whole. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recorded } from '../helpers/runs.ts';
import { elsewhere, openBrowser, visit } from './browser.ts';
import { hostileSample, type LiveRun, resumeLive, startLive } from './live-run.ts';
import { curve, goTo, stepOf } from './reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'browser-restart-'));
const soon = { timeout: 40_000, interval: 50 };
let browser: Browser;
let run: LiveRun;

beforeAll(async () => {
  const { flags } = await hostileSample(join(folder, 'sample'));
  [browser, run] = await Promise.all([
    openBrowser(),
    startLive(join(folder, 'run'), [...flags, '--workers', '1']),
  ]);
});

afterAll(async () => {
  await browser?.close();
  run?.process.signal('SIGKILL');
  await run?.process.ended;
  rmSync(folder, { recursive: true, force: true });
});

test('a page that is open when the coordinator is killed comes back whole, with the same links', async () => {
  const { page, requests, close } = await visit(browser, run.controlLink);
  page.setDefaultTimeout(soon.timeout);
  let numLoads = 0;
  page.on('load', () => numLoads++);
  await goTo(page, 'Curves');
  await recorded(run.process, run.runDir, 'a checkpoint', ({ type }) => type === 'checkpoint');
  await expect.poll(() => stepOf(page), soon).toBeGreaterThan(20);

  run.process.signal('SIGKILL');
  await run.process.ended;
  await page
    .getByText(/connection.*lost|lost.*connection/i)
    .first()
    .waitFor();

  const before = run;
  run = await resumeLive(run.runDir);
  expect({ viewLink: run.viewLink, controlLink: run.controlLink }).toEqual({
    viewLink: before.viewLink,
    controlLink: before.controlLink,
  });
  await expect.poll(() => page.getByText(/connection.*lost|lost.*connection/i).count(), soon).toBe(0);
  const step = (await stepOf(page))!;
  await expect.poll(() => stepOf(page), soon).toBeGreaterThan(step + 5);

  // Whole: from the first step to the newest one without a gap, and it may be steered as before.
  const { numPoints } = await curve(page, /training loss/i);
  expect(numPoints).toBeGreaterThanOrEqual(step);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  await goTo(page, 'Events');
  await page
    .getByRole('listitem')
    .filter({ hasText: /goes on after step/i })
    .first()
    .waitFor();
  expect(elsewhere(requests, run.viewLink)).toEqual([]);
  expect(numLoads).toBe(0);
  await close();
});
