/**
 * The live page of a real run in a real Chromium: it moves without being loaded anew, shows and segments photos, steers
 * for who may, and is only its own. All tests visit one run, in order.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventsOf } from '../helpers/runs.ts';
import { elsewhere, openBrowser, type Visit, visit } from './browser.ts';
import { hostileClass, hostileSample, type LiveRun, markup, startLive } from './live-run.ts';
import { curve, dropFile, goTo, head, predictions, slider, stepOf, views } from './reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'browser-'));
const soon = { timeout: 30_000, interval: 50 };
let browser: Browser;
let run: LiveRun;
let photo: string;
const visits: Visit[] = [];

async function open(link: string, options?: BrowserContextOptions): Promise<Page> {
  const one = await visit(browser, link, options);
  visits.push(one);
  one.page.setDefaultTimeout(soon.timeout);
  await expect.poll(() => stepOf(one.page), soon).toBeGreaterThan(0);
  return one.page;
}

/** Browsers note each answer that is a refusal, also one that the page has asked for. */
const isRefusedPhoto = (error: string): boolean => /status of 422 .*\/api\/segment/.test(error);

beforeAll(async () => {
  const sample = await hostileSample(join(folder, 'sample'));
  photo = sample.photo;
  [browser, run] = await Promise.all([
    openBrowser(),
    startLive(join(folder, 'run'), [...sample.flags, '--workers', '2']),
  ]);
});

afterEach(async () => {
  const seen = visits.splice(0);
  const outside = seen.flatMap(({ requests }) => elsewhere(requests, run.viewLink));
  const errors = seen.flatMap((one) => one.errors).filter((error) => !isRefusedPhoto(error));
  const titles = await Promise.all(seen.map(({ page }) => page.title()));
  await Promise.all(seen.map((one) => one.close()));
  expect({ outside, errors }).toEqual({ outside: [], errors: [] });
  expect(titles).not.toContain('spoilt');
});

afterAll(async () => {
  await browser?.close();
  run?.process.signal('SIGKILL');
  await run?.process.ended;
  rmSync(folder, { recursive: true, force: true });
});

test('the step and a curve grow while nothing is loaded anew', async () => {
  const page = await open(run.viewLink);
  let numLoads = 0;
  page.on('load', () => numLoads++);
  await goTo(page, 'Curves');
  const [step, loss] = [(await stepOf(page))!, await curve(page, /training loss/i)];
  await expect.poll(() => stepOf(page), soon).toBeGreaterThan(step + 5);
  await expect
    .poll(async () => (await curve(page, /training loss/i)).numPoints, soon)
    .toBeGreaterThan(loss.numPoints);
  expect(numLoads).toBe(0);
});

test('the slider moves all pictures to another evaluated step and back', async () => {
  const page = await open(run.viewLink);
  await goTo(page, 'Masks');
  await expect.poll(async () => Number(await slider(page).getAttribute('max')), soon).toBeGreaterThan(1);
  // Away from the newest, so that the next evaluation does not move it.
  await slider(page).focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  const settled = () => expect.poll(() => page.locator('[aria-busy="true"]').count(), soon).toBe(0);
  await settled();
  // What it says of the step is complete once the step's scores are there.
  await expect.poll(() => slider(page).getAttribute('aria-valuetext'), soon).toMatch(/loss/);
  const at = await slider(page).getAttribute('aria-valuetext');
  const late = await predictions(page);
  expect(Object.keys(late).length).toBeGreaterThan(1);

  await page.keyboard.press('Home');
  await expect.poll(() => slider(page).getAttribute('aria-valuetext'), soon).toMatch(/^step 20, .*loss/);
  await settled();
  const early = await predictions(page);
  expect(Object.keys(early)).toEqual(Object.keys(late));
  for (const name of Object.keys(late)) expect(early[name], name).not.toBe(late[name]);

  const value = Number(/step (\d+)/.exec(at!)![1]) / 20 - 1;
  for (let moved = 0; moved < value; moved++) await page.keyboard.press('ArrowRight');
  await expect.poll(() => slider(page).getAttribute('aria-valuetext'), soon).toBe(at);
  await settled();
  expect(await predictions(page)).toEqual(late);
});

test('a dropped photo is segmented with the weights of the moment; what is no photo is refused in a sentence', async () => {
  const page = await open(run.viewLink);
  await goTo(page, 'Masks');
  const main = page.getByRole('main');
  await dropFile(main, 'holiday.jpg', 'image/jpeg', readFileSync(photo));
  const card = page.getByRole('article', { name: 'Your photo holiday.jpg' });
  await card.getByText(/With the weights of step \d+: /).waitFor();
  const picture = card.getByRole('img', { name: /^Prediction for holiday\.jpg/ });
  const pixels = await picture.evaluate((canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    return { width: canvas.width, height: canvas.height, isDrawn: data.some((value) => value !== data[0]) };
  });
  expect(pixels).toMatchObject({ width: 48, height: 64, isDrawn: true });

  await dropFile(main, 'broken.jpg', 'image/jpeg', Buffer.from('this is no photo'));
  await page.getByRole('alert').filter({ hasText: 'broken.jpg was not segmented: ' }).waitFor();
});

test('names with markup stay text', async () => {
  const page = await open(run.viewLink);
  await goTo(page, 'Masks');
  await page.getByRole('heading', { name: markup }).first().waitFor();
  await goTo(page, 'Classes');
  await page.getByRole('rowheader', { name: hostileClass }).waitFor();
  for (const view of views) {
    await goTo(page, view);
    expect(await page.locator('img[src="x"], img[src$="/x"]').count(), view).toBe(0);
  }
});

test('who has the control link pauses the run and lets it go on', async () => {
  const page = await open(run.controlLink);
  const watcher = await open(run.viewLink);
  await page.getByRole('button', { name: 'Pause' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  // The keys stay where they were: the next Enter lets it go on.
  expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/^Go on/);
  await expect.poll(() => head(watcher).textContent(), soon).toMatch(/paused/i);
  const paused = eventsOf(run.runDir).filter(({ type }) => type === 'step').length;
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await expect
    .poll(() => eventsOf(run.runDir).filter(({ type }) => type === 'step').length, soon)
    .toBeGreaterThan(paused);
  await expect.poll(() => head(watcher).textContent(), soon).not.toMatch(/paused/i);
  await goTo(watcher, 'Events');
  await watcher
    .getByRole('listitem')
    .filter({ hasText: /paused/i })
    .first()
    .waitFor();
});

test('without the control token nothing is offered, and a message made by hand is refused', async () => {
  const page = await open(run.viewLink);
  await page.getByText(/You are watching/).waitFor();
  await goTo(page, 'Workers');
  expect(
    await page.getByRole('button', { name: /Pause|Go on|Checkpoint|Drain|Learning rate|Stop after/ }).count(),
  ).toBe(0);
  const reply = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://${location.host}/live`, 'unet-fleet.1');
        socket.onopen = () => socket.send(JSON.stringify({ type: 'control', id: 7, action: 'pause' }));
        socket.onmessage = ({ data }) => {
          const message = JSON.parse(data);
          if (message.type !== 'reply') return;
          socket.close();
          resolve(message);
        };
        socket.onerror = () => reject(new Error('the connection was refused'));
      }),
  );
  expect(reply).toMatchObject({
    type: 'reply',
    id: 7,
    ok: false,
    message: expect.stringMatching(/token|control/),
  });
  const step = (await stepOf(page))!;
  await expect.poll(() => stepOf(page), soon).toBeGreaterThan(step);
});

test('a worker that is drained leaves, and the page shows it', async () => {
  const page = await open(run.controlLink);
  await goTo(page, 'Workers');
  const rows = page
    .getByRole('table')
    .first()
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader') });
  await expect.poll(() => rows.count(), soon).toBe(2);
  const button = rows.first().getByRole('button', { name: /^Drain / });
  const name = /^Drain (.*)…$/.exec((await button.getAttribute('aria-label'))!)![1]!;
  await button.click();
  await page.getByRole('button', { name: `Drain ${name}`, exact: true }).click();
  await expect.poll(() => rows.filter({ hasText: name }).count(), soon).toBe(0);
  await expect.poll(() => rows.count(), soon).toBe(1);
  await goTo(page, 'Events');
  await page
    .getByRole('listitem')
    .filter({ hasText: name })
    .filter({ hasText: /left|drain/i })
    .first()
    .waitFor();
  const step = (await stepOf(page))!;
  await expect.poll(() => stepOf(page), soon).toBeGreaterThan(step);
});
