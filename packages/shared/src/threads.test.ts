/** The built package: a thread loads it by itself, without the test's transpiler. */
import { exitCodes, UserError } from '@unet-fleet/law';
import { Thread } from '@unet-fleet/shared/threads';
import { afterEach, expect, test } from 'vitest';

interface Theirs {
  double(numbers: Float32Array): Float32Array;
  /** Of the last answer of `double`, there. */
  numBytesLeft(): number;
  refuse(what: 'user' | 'system' | 'bug'): void;
  ask(value: number): Promise<number>;
  note(value: number): void;
  notes(): number[];
  never(): Promise<void>;
  die(how: 'throws' | 'exits'): Promise<void>;
  finish(): void;
}

const source = `
import { readFileSync } from 'node:fs';
import { UserError } from '${import.meta.resolve('@unet-fleet/law')}';
import { Moved, Starter, threadData } from '${import.meta.resolve('@unet-fleet/shared/threads')}';
const starter = new Starter();
const notes = [];
let doubled;
starter.serve({
  double(numbers) {
    doubled = numbers.map((value) => value * threadData().factor);
    return new Moved(doubled, [doubled.buffer]);
  },
  numBytesLeft: () => doubled.byteLength,
  refuse(what) {
    if (what === 'user') throw new UserError('raise max_payload there', 3);
    if (what === 'system') readFileSync('/nowhere/at/all');
    null.value;
  },
  ask: (value) => starter.call('answer', [value]),
  note: (value) => void notes.push(value),
  notes: () => notes,
  never: () => new Promise(() => {}),
  die(how) {
    if (how === 'exits') process.exit(7);
    setImmediate(() => { throw new RangeError('lost its mind'); });
    return new Promise(() => {});
  },
  finish: () => starter.end(),
}, { what: 'the test' });
`;
const file = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
const functions = {
  answer(value: number) {
    if (value < 0) throw new UserError('below zero', exitCodes.usage);
    return value + 1;
  },
};

const threads: Thread<Theirs>[] = [];
function start(): Thread<Theirs> {
  const thread = new Thread<Theirs>(file, { name: 'the thread', data: { factor: 2 }, functions });
  threads.push(thread);
  return thread;
}

afterEach(() => Promise.all(threads.splice(0).map((thread) => thread.close())));

test('what is handed over is handed over, both ways, and not copied', async () => {
  const numbers = Float32Array.of(1, 2);
  const thread = start();
  const doubled = thread.call('double', [numbers], [numbers.buffer]);
  expect(numbers.byteLength).toBe(0);
  expect(await doubled).toEqual(Float32Array.of(2, 4));
  expect(await thread.call('numBytesLeft', [])).toBe(0);
});

test('an error keeps what it is: a sentence with its exit code, a refusal of the system, a bug with its stack', async () => {
  const thread = start();
  const failure = (what: 'user' | 'system' | 'bug') => thread.call('refuse', [what]).catch((error) => error);
  expect(await failure('user')).toBeInstanceOf(UserError);
  expect(await failure('user')).toMatchObject({
    message: 'raise max_payload there',
    exitCode: exitCodes.unavailable,
  });
  expect(await failure('system')).toBeInstanceOf(UserError);
  expect((await failure('system')).message).toMatch(/^\/nowhere\/at\/all was removed during the test/);
  const bug = await failure('bug');
  expect(bug).not.toBeInstanceOf(UserError);
  expect(bug.stack).toMatch(/^TypeError: .*\n\s+at .*refuse/);
  expect(await thread.call('notes', [])).toEqual([]);
});

test('the thread calls back, and what fails here is told there', async () => {
  const thread = start();
  expect(await thread.call('ask', [1])).toBe(2);
  await expect(thread.call('ask', [-1])).rejects.toThrow(new UserError('below zero'));
});

test('calls are begun in the order in which they are made, answered or not', async () => {
  const thread = start();
  for (const value of [1, 2, 3]) thread.tell('note', value);
  expect(await thread.call('notes', [])).toEqual([1, 2, 3]);
});

test('what can not be sent fails that call alone', async () => {
  const thread = start();
  await expect(thread.call('note', [(() => 1) as never])).rejects.toThrow('could not be cloned');
  expect(thread.numOut).toBe(0);
  expect(await thread.call('notes', [])).toEqual([]);
});

test('a thread that dies in the middle of a call rejects it, those that wait and all later ones, with the reason', async () => {
  const thread = start();
  const calls = [thread.call('never', []), thread.call('die', ['throws'])];
  const idle = thread.idle();
  for (const settled of await Promise.allSettled(calls)) {
    expect(settled).toMatchObject({ status: 'rejected', reason: { message: 'lost its mind' } });
  }
  await idle;
  expect(await thread.ended).toMatchObject({ message: 'lost its mind' });
  await expect(thread.call('notes', [])).rejects.toThrow('lost its mind');

  const exiting = start();
  await expect(exiting.call('die', ['exits'])).rejects.toThrow('the thread has ended with code 7');
  expect(await exiting.ended).toBeNull();
});

test('closed while calls are out: they are rejected at once, and so are later ones', async () => {
  const thread = start();
  const out = expect(thread.call('never', [])).rejects.toThrow('the thread was closed');
  await thread.close();
  await out;
  await expect(thread.call('notes', [])).rejects.toThrow('the thread was closed');
  expect(await thread.ended).toBeNull();
});

test('one that takes no more calls is idle when it has answered what it was asked before', async () => {
  const thread = start();
  const asked = expect(thread.call('ask', [1])).rejects.toThrow('no more');
  thread.refuse(new Error('no more'));
  await asked;
  expect(thread.numOut).toBe(1);
  await thread.idle();
  expect(thread.numOut).toBe(0);
});

test('one that is told to ends by itself; one that does not is not waited for', async () => {
  const thread = start();
  await thread.call('finish', []);
  await thread.end();
  expect(thread.isLost).toBe(true);
  const deaf = start();
  const out = expect(deaf.call('never', [])).rejects.toThrow('was closed');
  await deaf.end(1);
  await out;
});
