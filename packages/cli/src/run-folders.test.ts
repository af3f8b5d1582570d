import { once } from 'node:events';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { processIo } from './io.ts';
import { runCli, wholeProgram } from './program.ts';
import { claimRunFolder, namedRunDir, newestTrainedRun } from './run-folders.ts';
import { Output } from './streams/output.ts';

const cwd = mkdtempSync(join(tmpdir(), 'run-folders-'));
const io = { ...processIo(), cwd, env: {} as Record<string, string> };
const folder = mkdtempSync(join(tmpdir(), 'run-folders-said-'));
const runs = (name: string) => join(cwd, 'runs', name);
beforeEach(() => rmSync(join(cwd, 'runs'), { recursive: true, force: true }));
afterAll(() => {
  for (const made of [cwd, folder]) rmSync(made, { recursive: true });
});

function leaveRun(name: string, hasCheckpoint: boolean): void {
  mkdirSync(join(runs(name), 'checkpoints'), { recursive: true });
  writeFileSync(join(runs(name), 'run.json'), '{}');
  if (hasCheckpoint) mkdirSync(join(runs(name), 'checkpoints', 'step-1'));
}

test('runs are numbered, by number and not by text, and a number that is claimed is taken', () => {
  expect(claimRunFolder(cwd)).toBe(runs('0001'));
  expect(claimRunFolder(cwd)).toBe(runs('0002'));
  for (const name of ['9999', '10000', 'mine']) mkdirSync(runs(name));
  expect(claimRunFolder(cwd)).toBe(runs('10001'));
});

test('the newest run is one that there is: with a checkpoint where one is needed', () => {
  expect(() => namedRunDir({}, io)).toThrow(/there is no run in .*runs: name a run folder/);
  leaveRun('0001', true);
  expect(() => namedRunDir({}, { ...io, cwd: tmpdir() })).toThrow('there is no run in');
  leaveRun('0002', false);
  claimRunFolder(cwd);
  expect([namedRunDir({}, io), newestTrainedRun(cwd)]).toEqual([runs('0002'), runs('0001')]);
});

test('a run is named by argument, option or variable; by number, name, path or latest', () => {
  leaveRun('0003', true);
  leaveRun('tuned', true);
  for (const name of ['3', '0003', 'runs/0003', `${runs('0003')}/`, 'latest']) {
    expect(namedRunDir({}, io, name), name).toBe(runs('0003'));
    expect(namedRunDir({ runDir: name }, io), name).toBe(runs('0003'));
    expect(namedRunDir({}, { ...io, env: { UNET_FLEET_RUN_DIR: name } }), name).toBe(runs('0003'));
  }
  expect(namedRunDir({ runDir: 'runs/tuned' }, io, 'tuned')).toBe(runs('tuned'));
  expect(() => namedRunDir({ runDir: 'tuned' }, io, '3')).toThrow(
    'two runs are named, 3 and --run-dir tuned: name the one that is meant',
  );
  expect(() => namedRunDir({ runDir: '' }, io)).toThrow('the name of a run is empty');
  mkdirSync(join(cwd, '3'));
  expect(namedRunDir({}, io, '3'), 'a path that is there is meant').toBe(join(cwd, '3'));
});

test('every command that uses a run takes it both ways', async () => {
  const takes = (command: Command) => ({
    argument: command.registeredArguments.some((argument) => /^runs?$/.test(argument.name())),
    option: command.options.some(({ long }) => long === '--run-dir'),
  });
  const { commands } = await wholeProgram(io);
  const byArgument = commands.filter((command) => takes(command).argument).map((command) => command.name());
  expect(byArgument).toEqual(['dashboard', 'status', 'report', 'csv', 'ledger', 'replay', 'evaluate']);
  for (const command of commands) {
    const { argument, option } = takes(command);
    if (argument) expect(option, command.name()).toBe(true);
  }
});

/** Runs the command in this process: what it writes to stderr, and its exit code. */
async function called(...args: string[]): Promise<{ exitCode: number; said: string }> {
  const path = join(folder, 'stderr');
  const stream = createWriteStream(path);
  await once(stream, 'open');
  const stderr = new Output(stream as unknown as NodeJS.WriteStream & { fd: number });
  const exitCode = await runCli(args, { ...io, stderr });
  await once(stream.end(), 'close');
  return { exitCode, said: readFileSync(path, 'utf8') };
}
const train = (...more: string[]) => called('train', '--images', 'none', '--masks', 'no-masks', ...more);

test('a run that never begins leaves no folder, whether numbered or named', async () => {
  expect(await train()).toEqual({ exitCode: 2, said: expect.stringContaining('There is no folder') });
  expect(readdirSync(join(cwd, 'runs'))).toEqual([]);
  await train('--run-dir', 'made/for/it');
  expect(existsSync(join(cwd, 'made'))).toBe(false);
  mkdirSync(join(cwd, 'there'));
  await train('--run-dir', 'there');
  expect(readdirSync(join(cwd, 'there'))).toEqual([]);
});

writeFileSync(join(cwd, 'file'), '');
test.each([
  ['/proc/x', 'its file system takes no new folders'],
  ['/proc', 'its file system takes no new folders'],
  ['/dev/null', '/dev/null is in the way of the run'],
  ['file/below', 'file is in the way of the run'],
  ['', '--run-dir is empty'],
])('--run-dir %j ends at once with one sentence', async (path, sentence) => {
  const { exitCode, said } = await train('--run-dir', path);
  expect(exitCode).toBe(2);
  expect(said).toContain(sentence);
  expect(said.trimEnd().split('\n')).toHaveLength(1);
});
