/** The report in a browser, opened from disk: it asks for nothing, fits a phone, and anybody can read it. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRun } from '../helpers/made-run.ts';
import { unetFleet } from '../helpers/processes.ts';
import { axeFaults, walkByTab } from './accessibility.ts';
import { openBrowser, phone, visit } from './browser.ts';

const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-report-'));
let browser: Browser;
let link: string;
beforeAll(async () => {
  browser = await openBrowser();
  const harmful = '<img src=x onerror="document.title=1">';
  const { runDir } = await makeRun(folder, { run: 'run', class: harmful, worker: harmful, photo: 'photo' });
  const out = join(folder, 'report.html');
  const { code, stderr } = await unetFleet(['report', runDir, '--out', out]);
  if (code !== 0) throw new Error(stderr);
  link = pathToFileURL(out).href;
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('it asks for nothing but itself, breaks none of its own rules, and shows every picture', async () => {
  const { page, requests, errors, close } = await visit(browser, link);
  expect(requests.filter((address) => !address.startsWith('data:'))).toEqual([link]);
  expect(errors).toEqual([]);
  const widths = await page.$$eval('img', (images) => images.map((image) => image.naturalWidth));
  expect(widths).toHaveLength(12);
  expect(Math.min(...widths)).toBeGreaterThan(0);
  expect(await page.title()).toBe('Run run – unet-fleet');
  // Its style is let in by its hash: without it, the page's heading would be Times.
  expect(await page.$eval('h1', (heading) => getComputedStyle(heading).fontFamily)).toContain('system-ui');
  await close();
});

describe.each([
  ['light', 'light', undefined],
  ['dark', 'dark', undefined],
  ['on a phone', 'light', phone],
] as const)('%s', (_, colorScheme, viewport) => {
  test('it has no serious fault, is walked by keyboard, and is no wider than its window', async () => {
    const { page, close } = await visit(browser, link, { colorScheme, ...(viewport && { viewport }) });
    expect(await axeFaults(page)).toEqual([]);
    const { stops, missed, isComplete } = await walkByTab(page);
    expect({ missed, isComplete }).toEqual({ missed: [], isComplete: true });
    expect(stops.flatMap(({ words, faults }) => faults.map((fault) => `${words} ${fault}`))).toEqual([]);
    const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(content).toBeLessThanOrEqual(window!);
    await close();
  });
});

test('a reader whose browser runs no scripts has all of it, and so has paper', async () => {
  const { page, close } = await visit(browser, link, { javaScriptEnabled: false });
  await page.getByRole('heading', { name: 'How to reproduce' }).waitFor();
  const paper = await page.pdf({ format: 'A4' });
  expect(paper.subarray(0, 5).toString()).toBe('%PDF-');
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).not.toMatch(/<script/i);
  await close();
});
