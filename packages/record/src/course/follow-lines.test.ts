import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fromBeginning, readNewLines } from './follow-lines.ts';

describe('a file that grows', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'unet-fleet-lines-'));
    path = join(folder, 'metrics.jsonl');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('gives each line once, and none before its end', async () => {
    const followed = fromBeginning(path);
    const seen: unknown[] = [];
    const read = () =>
      readNewLines(
        followed,
        (value) => seen.push(value),
        () => seen.push('anew'),
      );
    await read();
    writeFileSync(path, '{"n":1}\n{"n":');
    await read();
    expect(seen).toEqual([{ n: 1 }]);
    appendFileSync(path, '2}\nrubbish\n');
    await read();
    expect(seen).toEqual([{ n: 1 }, { n: 2 }, undefined]);
  });

  test('is read from its beginning again when it was cut or replaced', async () => {
    const followed = fromBeginning(path);
    const seen: unknown[] = [];
    const read = () =>
      readNewLines(
        followed,
        (value) => seen.push(value),
        () => seen.splice(0),
      );
    writeFileSync(path, '{"n":1}\n{"n":2}\n');
    await read();
    rmSync(path);
    writeFileSync(path, '{"n":1}\n');
    await read();
    expect(seen).toEqual([{ n: 1 }]);
    // Cut, and grown beyond where it was before anybody looked.
    truncateSync(path, 0);
    appendFileSync(path, '{"n":5}\n{"n":6}\n');
    await read();
    expect(seen).toEqual([{ n: 5 }, { n: 6 }]);
  });
});
