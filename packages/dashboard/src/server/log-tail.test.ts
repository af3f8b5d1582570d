import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logLineOf, logTail } from './log-tail.ts';

const line = (msg: string, rest = {}) =>
  JSON.stringify({ level: 40, time: '2026-01-02T03:04:05.000Z', pid: 1, msg, ...rest });

test('a line is its message and its fields, made printable', () => {
  expect(logLineOf(line('slow\u001b[2J', { worker: 'a\nb', ms: 3 }))).toEqual({
    at: '2026-01-02T03:04:05.000Z',
    level: 'warn',
    text: expect.stringMatching(/^slow.*worker=a.*b ms=3$/),
  });
  expect(logLineOf(line('slow\u001b[2J'))!.text).not.toContain('\u001b');
});

test.each([
  '',
  'no JSON',
  '[]',
  'null',
  '{"level":40}',
  '{"time":"x","level":40,"msg":"a"}',
  '{"time":1,"level":7,"msg":"a"}',
])('what is no line of the log is none: %s', (text) => expect(logLineOf(text)).toBeNull());

test('the newest lines of a long log, whole ones only', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'log-'));
  const path = join(folder, 'log.jsonl');
  expect(await logTail(path)).toEqual([]);
  const lines = Array.from({ length: 30_000 }, (_, n) => line(`line ${n}`));
  writeFileSync(path, `${lines.join('\n')}\n{"level":30,"ti`);
  const tail = await logTail(path);
  expect(tail.length).toBe(2_000);
  expect(tail.at(-1)!.text).toBe('line 29999');
  rmSync(folder, { recursive: true });
});
