import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { openBlock } from './redraw.ts';

/** What a terminal shows of this text, as far as these codes go. */
function screenOf(text: string): string[] {
  const rows: string[] = [''];
  let at = 0;
  for (const [part] of text.replaceAll('\u001b', '␛').matchAll(/␛\[\??\d*[A-Za-z]|[^␛]/gu)) {
    const up = /^␛\[(\d+)A$/.exec(part);
    if (up) at -= Number(up[1]);
    else if (part === '␛[J') rows.splice(at);
    else if (part === '\n') at++;
    else if (part === '\r') rows[at] = '';
    else if (!part.startsWith('␛')) rows[at] = (rows[at] ?? '') + part;
  }
  return rows;
}

function terminal(rows: number) {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, rows });
  return { stream, text: () => stream.read() as string };
}

test('a block takes the place of the one before, longer or shorter, and stays at the end', () => {
  const { stream, text } = terminal(24);
  stream.write('$ unet-fleet status --watch\n');
  const block = openBlock(stream);
  block.show(['one', 'two', 'three']);
  block.show(['eins', 'zwei', 'drei', 'vier']);
  block.show(['uno']);
  block.end();
  const written = text();
  expect(screenOf(written)).toEqual(['$ unet-fleet status --watch', 'uno']);
  // Cursor and line breaks are as they were before.
  expect(written.endsWith('\u001b[?7h\u001b[?25h')).toBe(true);
});

test('a block is never higher than the terminal, where its top could not be replaced', () => {
  const { stream, text } = terminal(4);
  const block = openBlock(stream);
  block.show(['1', '2', '3', '4', '5']);
  expect(screenOf(text())).toEqual(['1', '2', 'and 3 more lines']);
});
