/** Every view, in light and dark, on a desktop and a phone: nothing serious for axe, and all of it by keyboard alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recorded } from '../helpers/runs.ts';
import { axeFaults, walkByTab } from './accessibility.ts';
import { desktop, openBrowser, phone, visit } from './browser.ts';
import { hostileSample, type LiveRun, startLive } from './live-run.ts';
import { goTo, slider, views } from './reader.ts';

const folder = mkdtempSync(join(tmpdir(), 'browser-accessible-'));
let browser: Browser;
let run: LiveRun;

beforeAll(async () => {
  const { flags } = await hostileSample(join(folder, 'sample'));
  [browser, run] = await Promise.all([
    openBrowser(),
    startLive(join(folder, 'run'), [...flags, '--workers', '2']),
  ]);
  await recorded(
    run.process,
    run.runDir,
    'a second evaluation',
    (event) => event.type === 'validated' && event.step > 20,
  );
});

afterAll(async () => {
  await browser?.close();
  run?.process.signal('SIGKILL');
  await run?.process.ended;
  rmSync(folder, { recursive: true, force: true });
});

const widthOverflow = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

describe.each([
  { name: 'desktop', viewport: desktop },
  { name: 'phone', viewport: phone },
])('$name', ({ viewport }) => {
  test.each(['light', 'dark'] as const)(
    'axe finds nothing serious on any view in %s',
    async (colorScheme) => {
      const { page, close } = await visit(browser, run.controlLink, { viewport, colorScheme });
      const faults: Record<string, string[]> = {};
      for (const view of views) {
        await goTo(page, view);
        const found = await axeFaults(page);
        const overflow = await widthOverflow(page);
        if (overflow > 0) found.push(`is ${overflow} px wider than the window`);
        if (found.length > 0) faults[view] = found;
      }
      expect(faults).toEqual({});
      await close();
    },
  );

  test('the Tab key reaches everything, and what has the focus is named and seen', async () => {
    const { page, close } = await visit(browser, run.controlLink, { viewport });
    const faults: Record<string, string[]> = {};
    for (const view of views) {
      await goTo(page, view);
      const { stops, missed, isComplete } = await walkByTab(page);
      const found = stops.flatMap((stop) => stop.faults.map((fault) => `${stop.words} ${fault}`));
      found.push(...missed.map((html) => `not reached: ${html}`));
      if (!isComplete) found.push(`held at ${stops.at(-1)?.words}`);
      if (stops.length < views.length) found.push(`only ${stops.length} stops`);
      if (found.length > 0) faults[view] = found;
    }
    expect(faults).toEqual({});
    await close();
  });
});

test('a photo is opened, compared and closed by keys, and the focus comes back', async () => {
  const { page, close } = await visit(browser, run.viewLink);
  await goTo(page, 'Masks');
  await slider(page).waitFor();
  const opener = page.getByRole('button', { name: /^Enlarge / }).first();
  await opener.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('slider', { name: 'Wipe' }).focus();
  await page.keyboard.press('Home');
  expect(await dialog.getByRole('slider', { name: 'Wipe' }).getAttribute('aria-valuetext')).toMatch(
    /^0 % truth/,
  );
  expect(await axeFaults(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await opener.evaluate((element) => element === document.activeElement)).toBe(true);
  await close();
});
