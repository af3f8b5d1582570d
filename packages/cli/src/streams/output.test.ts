/** Standard streams whose other end goes, stops or is full: what is kept, what is dropped, and what is said of it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exitCodeOf } from './ending.ts';
import { goOnWithoutTerminal } from './go-on.ts';
import { Output } from './output.ts';

let reader: ChildProcess;
let pipe = 0;
beforeAll(() => {
  reader = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] });
  pipe = (reader.stdin as unknown as { _handle: { fd: number } })._handle.fd;
});
afterAll(() => void reader.kill());

type Done = (error?: Error | null) => void;

/** An output to a pipe of which the test decides when, and whether, it takes what is written. */
function held() {
  const taken: string[] = [];
  const waiting: Done[] = [];
  const stream = new Writable({
    decodeStrings: false,
    autoDestroy: false,
    write(chunk, _encoding, done) {
      taken.push(String(chunk));
      waiting.push(done);
    },
  });
  const output = new Output(
    Object.assign(stream, { fd: pipe }) as unknown as NodeJS.WriteStream & { fd: number },
  );
  /** Takes what waits, and what comes in its place, to the end. */
  const takeAll = () => {
    while (waiting.length > 0) waiting.shift()!();
  };
  return {
    output,
    taken,
    takeAll,
    fail: (code: string) => waiting.shift()!(Object.assign(new Error(code), { code })),
  };
}

const line = `${'x'.repeat(1023)}\n`;

test('beside work little waits for a reader that has stopped, and the rest is counted', async () => {
  const { output, taken, takeAll } = held();
  output.goOnWithout(() => {});
  for (let i = 0; i < 400; i++) output.write(line);
  expect(await output.flushed(1)).toBe(false);
  takeAll();
  expect(await output.flushed(Number.POSITIVE_INFINITY)).toBe(true);
  const numKept = taken.length;
  expect(numKept).toBeLessThan(300);
  output.write('now\n');
  expect(taken.at(-1)).toBe(`(${400 - numKept} lines left out that could not be written here)\nnow\n`);
});

test('what a command was run for waits for its reader, all of it', async () => {
  const { output, taken, takeAll } = held();
  for (let i = 0; i < 400; i++) output.write(line);
  takeAll();
  await output.flushed(Number.POSITIVE_INFINITY);
  expect(taken.join('')).toBe(line.repeat(400));
});

test('a reader that goes is no error, and nothing more is written', async () => {
  const { output, taken, fail } = held();
  output.write('a\n');
  fail('EPIPE');
  await output.flushed(Number.POSITIVE_INFINITY);
  output.write('b\n');
  expect(output.gone.aborted).toBe(true);
  expect(output.error).toBeNull();
  expect(taken).toEqual(['a\n']);
});

test('a full disk is an error of what prints and none of what works, which says so once elsewhere', () => {
  const fd = openSync('/dev/full', 'w');
  const full = () => {
    const stream = Object.assign(new Writable(), { fd });
    return new Output(stream as unknown as NodeJS.WriteStream & { fd: number });
  };
  const prints = full();
  prints.write('figures\n');
  expect(prints.error?.code).toBe('ENOSPC');
  const words: string[] = [];
  const stderr = { writeNow: (text: string) => words.push(text) } as unknown as Output;
  expect(exitCodeOf(0, { stdout: prints, stderr })).toBe(3);
  expect(exitCodeOf(2, { stdout: prints, stderr })).toBe(2);
  expect(words[0]).toMatch(/^unet-fleet: standard output can't be written \(the disk is full\): /);

  const works = full();
  const { output: other, taken } = held();
  const log: string[] = [];
  goOnWithoutTerminal(works, other, (sentence) => log.push(sentence));
  works.write('stopping\n');
  works.write('stopped\n');
  closeSync(fd);
  expect(works.error).toBeNull();
  expect(log).toHaveLength(1);
  expect(taken).toHaveLength(1);
  expect(taken[0]).toMatch(/\(the disk is full\): the work goes on without it\nstopping\n$/);
});
