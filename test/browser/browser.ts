/**
 * A visitor of the live page in a real Chromium. It keeps what no visitor should see: requests to other hosts, errors
 * of the page's scripts, and what the page's own rules (Content-Security-Policy) had to stop.
 */
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findChromium } from './find-chromium.ts';

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 360, height: 740 };

/** Throws when there is no browser: whoever asks for one needs it. */
export function openBrowser(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) {
    throw new Error('no Chromium on this machine: install chromium, or name one in CHROMIUM_PATH');
  }
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
  return chromium.launch({ executablePath, args });
}

export interface Visit {
  page: Page;
  /** Addresses of all that was asked for, web sockets included. */
  requests: readonly string[];
  /** Exceptions and errors on the page's console, in words. */
  errors: readonly string[];
  close(): Promise<void>;
}

/** Opens a page of its own, with nothing remembered from another. */
export async function visit(
  browser: Browser,
  link: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext({ viewport: desktop, colorScheme: 'light', ...options });
  const page = await context.newPage();
  const requests: string[] = [];
  const errors: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('websocket', (socket) => requests.push(socket.url()));
  page.on('pageerror', (error) => errors.push(error.stack ?? error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} (${message.location().url})`);
  });
  await page.goto(link);
  return { page, requests, errors, close: () => context.close() };
}

/** Of these addresses those that lead to another host than the link does; data and blobs are the page's own. */
export function elsewhere(requests: readonly string[], link: string): string[] {
  const { host } = new URL(link);
  return requests.filter((address) => {
    const url = new URL(address);
    return !['data:', 'blob:'].includes(url.protocol) && url.host !== host;
  });
}
