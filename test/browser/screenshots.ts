/**
 * `pnpm screenshots`: pictures of every view of the live page, in light, dark and on a phone's width, of a run on drawn
 * photos that it starts itself, or of the page behind --link.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { generateSample } from '@unet-fleet/dataset';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { script } from '../chaos/command.ts';
import { linksIn } from '../helpers/links.ts';
import { parseArgs } from '../tools/arguments.ts';
import { requireTools, toolOptions, toolUsage } from '../tools/require.ts';
import type { Tool } from '../tools/tool.ts';
import { desktop, openBrowser, phone, visit } from './browser.ts';
import { findChromium } from './find-chromium.ts';
import { dropFile, goTo, slider, stepOf, views } from './reader.ts';

const usage = `Usage: pnpm screenshots --out <folder> [options]
  --out <folder>      where the pictures go
  --link <address>    the page to visit; without it a run on drawn photos is started and ended
  --photo <file>      a photo to drop on the page; without it one of the drawn ones
  --step <n>          wait for this step before the first picture (default 60)
  --format <png|webp> (default png)
${toolUsage}`;

const chromium: Tool = {
  name: 'Chromium',
  why: 'the pictures',
  remedy: 'apt-get install chromium, or name one in CHROMIUM_PATH',
  packages: ['chromium'],
  find: findChromium,
};

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    link: { type: 'string' },
    photo: { type: 'string' },
    step: { type: 'string', default: '60' },
    ...toolOptions,
    format: { type: 'string', default: 'png' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || !values.out) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}
const out = values.out;
await requireTools('screenshots', [chromium], values, { needsEngine: !values.link });
mkdirSync(out, { recursive: true });

/** What takes longer than this to show is not coming. */
const patienceMs = 300_000;

const shapes = [
  { name: 'light', colorScheme: 'light', viewport: desktop },
  { name: 'dark', colorScheme: 'dark', viewport: desktop },
  { name: 'phone-light', colorScheme: 'light', viewport: phone },
  { name: 'phone-dark', colorScheme: 'dark', viewport: phone },
] as const;

interface Subject {
  link: string;
  photo: string | undefined;
  close(): Promise<void>;
}

/** A run of some minutes on drawn photos, ended with `close`. */
async function ownRun(): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), 'screenshots-'));
  const set = await generateSample(join(folder, 'sample'), { numImages: 80, width: 192, height: 256 });
  const args = [
    ...['train', '--images', set.images, '--masks', set.masks, '--class-names', set.classNames],
    ...['--size', '96x128', '--base-width', '8', '--batch-size', '8', '--leaf-size', '2', '--epochs', '200'],
    ...['--validation-share', '0.15', '--workers', '2', '--threads', '1', '--device', 'cpu'],
    // The links go to stderr, with everything else that people read.
    ...['--json', '--dashboard-port', '0'],
    ...['--run-dir', join(folder, 'runs', 'sample')],
  ];
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const close = async () => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const links = linksIn(said);
    if (links)
      return { link: links.controlLink, photo: join(set.images, readdirSync(set.images)[0]!), close };
    if (child.exitCode !== null || Date.now() > deadline) {
      await close();
      throw new Error(`the run has printed no links:\n${said}`);
    }
    await pause(50);
  }
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });

async function waitUntil(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`no ${what} within ${patienceMs / 60_000} minutes`);
    await pause(100);
  }
}

/** Of a long list the beginning: WebP can hold no more. */
const maxHeightPx = 16_000;

async function take(page: Page, name: string, shape: string, isWhole = true): Promise<void> {
  await waitUntil('picture', async () => (await page.locator('[aria-busy="true"]').count()) === 0);
  const picture = sharp(await page.screenshot({ fullPage: isWhole, animations: 'disabled' }));
  const path = join(out, `${name}-${shape}.${values.format}`);
  const { width, height } = await picture.metadata();
  const shown = picture.extract({ left: 0, top: 0, width, height: Math.min(height, maxHeightPx) });
  await (values.format === 'webp' ? shown.webp({ quality: 80 }) : shown.png()).toFile(path);
  console.log(path);
}

/** The views as they are opened, and what more there is to see once something was done. */
async function tour(page: Page, shape: string, photo: string | undefined): Promise<void> {
  for (const view of views) {
    await goTo(page, view);
    await take(page, view.toLowerCase(), shape);
  }
  await goTo(page, 'Masks');
  await page
    .getByRole('button', { name: /^Enlarge / })
    .first()
    .click();
  await take(page, 'masks-enlarged', shape, false);
  await page.keyboard.press('Escape');
  await slider(page).press('Home');
  if (photo !== undefined) {
    await dropFile(page.getByRole('main'), 'your-photo.jpg', 'image/jpeg', readFileSync(photo));
    await page.getByText(/With the weights of step/).waitFor();
  }
  await take(page, 'masks-own-photo', shape);
  await goTo(page, 'Classes');
  await page
    .getByRole('button', { name: / taken for / })
    .first()
    .click();
  await take(page, 'classes-cell', shape);
  await goTo(page, 'Events');
  await page.getByText('Log', { exact: true }).first().click();
  await page.getByText(/of the last .* lines/).waitFor();
  await take(page, 'events-log', shape);
  const rate = page.getByRole('button', { name: /^Learning rate/ });
  if ((await rate.count()) === 0) return;
  await rate.click();
  await take(page, 'learning-rate', shape, false);
  await page.keyboard.press('Escape');
}

async function visitAll(browser: Browser, { link, photo }: Subject): Promise<void> {
  for (const { name, colorScheme, viewport } of shapes) {
    const { page, errors, close } = await visit(browser, link, { colorScheme, viewport });
    await waitUntil(`step ${values.step}`, async () => ((await stepOf(page)) ?? 0) >= Number(values.step));
    await tour(page, name, photo);
    for (const error of errors) console.error(`${name}: ${error}`);
    await close();
  }
}

const subject: Subject = values.link
  ? { link: values.link, photo: values.photo, close: async () => {} }
  : await ownRun();
try {
  const browser = await openBrowser();
  try {
    await visitAll(browser, subject);
  } finally {
    await browser.close();
  }
} finally {
  await subject.close();
}
