/** That the helpers find what they look for: pages with one fault each, and one with none. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { axeFaults, walkByTab } from './accessibility.ts';
import { elsewhere, openBrowser } from './browser.ts';

let browser: Browser;
let page: Page;
beforeAll(async () => {
  browser = await openBrowser();
  page = await browser.newPage({ viewport: { width: 600, height: 400 } });
});
afterAll(() => browser?.close());

const show = (body: string): Promise<void> =>
  page.setContent(`<!doctype html><html lang="en"><title>Page</title><main><h1>Page</h1>${body}</main>`);
const faultsOf = async (body: string): Promise<string[]> => {
  await show(body);
  const { stops } = await walkByTab(page);
  return stops.flatMap(({ words, faults }) => faults.map((fault) => `${words} ${fault}`));
};

const good = `<a href="#a">Away</a> <label>Name <input></label> <button>Send</button>
  <details><summary>More</summary><button>Hidden until then</button></details>
  <div style="height: 2000px"></div><label><input type="checkbox"> Below</label>`;

test('a page without fault is walked from end to end', async () => {
  await show(good);
  expect(await axeFaults(page)).toEqual([]);
  const { stops, missed, isComplete } = await walkByTab(page);
  expect({ missed, isComplete }).toEqual({ missed: [], isComplete: true });
  expect(stops).toEqual([
    { words: 'a link "Away"', faults: [] },
    { words: 'input textbox "Name"', faults: [] },
    { words: 'button button "Send"', faults: [] },
    { words: 'summary button "More"', faults: [] },
    { words: 'input checkbox "Below"', faults: [] },
  ]);
});

test('what has no name, shows no focus, is not seen or is covered is found', async () => {
  expect(await faultsOf('<button></button>')).toEqual(['button button "" has no name']);
  expect(await faultsOf('<button style="outline: none">A</button>')).toEqual([
    'button button "A" does not show its focus',
  ]);
  expect(
    await faultsOf('<button style="width: 0; padding: 0; border: 0; overflow: hidden">A</button>'),
  ).toEqual(['button button "A" is not visible']);
  const cover = '<div style="position: fixed; inset: 0; background: white"></div>';
  expect(await faultsOf(`<button>A</button>${cover}`)).toEqual([
    'button button "A" is covered or outside the window while it has the focus',
  ]);
});

test('what the Tab key does not reach is found, and a place that holds the focus', async () => {
  await show('<button>A</button><button tabindex="-1">B</button>');
  expect((await walkByTab(page)).missed).toEqual(['<button tabindex="-1">B</button>']);
  await show(`<button>A</button><button onkeydown="event.preventDefault()">B</button><button>C</button>`);
  expect(await walkByTab(page)).toMatchObject({ isComplete: false, missed: ['<button>C</button>'] });
});

test('axe tells of text that can hardly be read', async () => {
  await show('<p style="color: #ccc; background: #fff">Pale</p>');
  expect(await axeFaults(page)).toEqual([expect.stringContaining('color-contrast at p')]);
});

test('requests to other hosts are told apart', () => {
  const link = 'http://127.0.0.1:8080/#token=x';
  const own = ['http://127.0.0.1:8080/api/session', 'ws://127.0.0.1:8080/live', 'data:,a', 'blob:http://x/1'];
  expect(elsewhere([...own, 'https://fonts.example/a.css', 'http://127.0.0.1:80/'], link)).toEqual([
    'https://fonts.example/a.css',
    'http://127.0.0.1:80/',
  ]);
});
