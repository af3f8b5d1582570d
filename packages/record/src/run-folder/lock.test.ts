/** The lock with real processes: they import the built package. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { madeFolder } from '../../../../test/helpers/made-folders.ts';
import { acquireRunLock, assertTermHeld } from './lock.ts';
import { processIsAlive, thisProcess } from './process-identity.ts';

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = madeFolder('unet-fleet-lock-');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that tries to take the lock, says how that went, and stays. */
async function contender(): Promise<{ child: ChildProcess; said: string }> {
  const built = new URL('../../dist/run-folder/lock.js', import.meta.url);
  const code = `
    import { acquireRunLock } from ${JSON.stringify(built.href)};
    try { console.log('term ' + acquireRunLock(process.argv[1]).term); } catch (error) { console.log(error.message); }
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [said] = await once(child.stdout!, 'data');
  return { child, said: String(said).trim() };
}

/** A lock file as a coordinator elsewhere would have left it. */
function leaveTerm(term: number, holder: object): string {
  const path = join(folder, 'terms', `term-${String(term).padStart(6, '0')}.json`);
  writeFileSync(path, JSON.stringify({ term, ...thisProcess(), released: false, ...holder }));
  return path;
}

test('terms rise by one from start to start, and only the last file stays', () => {
  for (const term of [1, 2, 3]) {
    const lock = acquireRunLock(folder);
    expect(lock.term).toBe(term);
    expect(lock.isHeld()).toBe(true);
    lock.release();
    expect(lock.isHeld()).toBe(false);
  }
  expect(readdirSync(join(folder, 'terms'))).toEqual(['term-000003.json']);
});

test('a live coordinator keeps others out, and is named', async () => {
  const { child, said } = await contender();
  expect(said).toBe('term 1');
  expect(() => acquireRunLock(folder)).toThrow(
    `Process ${child.pid} on ${hostname()} is training in ${folder}: stop it, or choose another --run-dir.`,
  );
});

test('one that was killed is taken over at once, with a higher term', async () => {
  const { child } = await contender();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = acquireRunLock(folder);
  expect(lock.term).toBe(2);
  lock.release();
});

test('of several that start at once, one gets the lock', async () => {
  const { child } = await contender();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const results = await Promise.all([contender(), contender(), contender(), contender()]);
  const winners = results.filter(({ said }) => said.startsWith('term'));
  expect(winners.map(({ said }) => said)).toEqual(['term 2']);
  for (const { said } of results) if (!said.startsWith('term')) expect(said).toMatch(/is training in/);
});

test('a coordinator on another machine counts as alive while its heartbeat is fresh', () => {
  acquireRunLock(folder).release();
  const path = leaveTerm(2, { host: 'elsewhere', pid: 77 });
  expect(() => acquireRunLock(folder, { deadAfterMs: 60_000 })).toThrow(
    /Process 77 on elsewhere is training in .*: stop it; if it is gone already, try again in \d+ s\./,
  );
  const longAgo = new Date(Date.now() - 61_000);
  utimesSync(path, longAgo, longAgo);
  const lock = acquireRunLock(folder, { deadAfterMs: 60_000 });
  expect(lock.term).toBe(3);
  lock.release();
});

test('a file that was created and never written is judged by its age', () => {
  acquireRunLock(folder).release();
  const path = leaveTerm(2, {});
  writeFileSync(path, '');
  expect(() => acquireRunLock(folder)).toThrow(/Another coordinator is training/);
  utimesSync(path, new Date(0), new Date(0));
  acquireRunLock(folder).release();
});

test('a process id that is used again by another process is no live coordinator', () => {
  expect(processIsAlive(thisProcess())).toBe(true);
  expect(processIsAlive({ ...thisProcess(), startTicks: '1' })).toBe(false);
  expect(processIsAlive({ ...thisProcess(), pidNamespace: 'pid:[1]' })).toBe(null);
  acquireRunLock(folder).release();
  leaveTerm(2, { startTicks: '1' });
  const lock = acquireRunLock(folder);
  expect(lock.term).toBe(3);
  lock.release();
});

test('who was taken over from is told', async () => {
  await new Promise<void>((resolve) => {
    const lock = acquireRunLock(folder, { heartbeatMs: 5, onLost: resolve });
    expect(lock.isHeld()).toBe(true);
    leaveTerm(2, { host: 'elsewhere' });
    expect(lock.isHeld()).toBe(false);
  });
});

test('the heartbeat refreshes the file and leaves it readable', async () => {
  const lock = acquireRunLock(folder, { heartbeatMs: 5 });
  const path = join(folder, 'terms', 'term-000001.json');
  utimesSync(path, new Date(0), new Date(0));
  await expect.poll(() => statSync(path).mtimeMs, { interval: 2 }).toBeGreaterThan(0);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
    term: 1,
    pid: process.pid,
    released: false,
  });
  lock.release();
});

test('a folder that is a file is named', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(() => acquireRunLock(file)).toThrow(/file is in the way of the run: it is no folder/);
});

test('who was taken over from is refused every write, and told once', () => {
  let numTold = 0;
  const lock = acquireRunLock(folder, { onLost: () => numTold++ });
  assertTermHeld(folder, lock.term);
  leaveTerm(2, { host: 'elsewhere' });
  expect(() => assertTermHeld(folder, lock.term)).toThrow(
    `another coordinator has taken over the run in ${folder}: this one stops`,
  );
  expect([lock.isHeld(), lock.isHeld(), numTold]).toEqual([false, false, 1]);
  lock.release();
  const text = readFileSync(join(folder, 'terms', 'term-000002.json'), 'utf8');
  expect(JSON.parse(text)).toMatchObject({ host: 'elsewhere', released: false });
});

test('a lock whose folder was removed is taken again by its holder, and still keeps others out', async () => {
  const lock = acquireRunLock(folder, { heartbeatMs: 5 });
  rmSync(folder, { recursive: true });
  assertTermHeld(folder, lock.term);
  const path = join(folder, 'terms', 'term-000001.json');
  await expect.poll(() => existsSync(path) && statSync(path).size, { interval: 2 }).toBeTruthy();
  expect(lock.isHeld()).toBe(true);
  expect((await contender()).said).toMatch(/is training in/);
  lock.release();
});

test.each(['{}', 'null', '[]', '{"pid": "1"}', ''])(
  'a lock file that says %s is a coordinator of whom nothing is known',
  (text) => {
    acquireRunLock(folder).release();
    const path = leaveTerm(2, {});
    writeFileSync(path, text);
    expect(() => acquireRunLock(folder)).toThrow(
      /^Another coordinator is training in .*: stop it; if it is gone already/,
    );
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(path, longAgo, longAgo);
    const lock = acquireRunLock(folder);
    expect(lock.term).toBe(3);
    lock.release();
  },
);

test('a run that never began leaves nothing of its lock, but what was there before', () => {
  acquireRunLock(folder).abandon();
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(join(folder, 'notes.txt'), '');
  acquireRunLock(folder).abandon();
  expect(readdirSync(folder).sort()).toEqual(['notes.txt', 'terms']);
  expect(acquireRunLock(folder).term, 'a later term than the one that was ended').toBe(2);
});
