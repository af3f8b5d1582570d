/**
 * A run that a person steers through its live page, with real processes: a learning rate that was changed by hand is part
 * of the run from then on. It survives a coordinator that is killed at once, a new run repeats it, and a replay knows it;
 * the pause around it changes not one bit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLedger } from '@unet-fleet/record';
import { afterAll, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { linksIn } from './helpers/links.ts';
import { type Started, start, unetFleet, until } from './helpers/processes.ts';
import { committed, courseOf, outcomeOf, recorded, sampleFlags } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000 });

const folder = mkdtempSync(join(tmpdir(), 'steering-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '6', '--leaf-size', '2', '--epochs', '6'],
  ...[
    '--seed',
    '3',
    '--device',
    'cpu',
    '--threads',
    '1',
    '--checkpoint-every',
    '2',
    '--keep-checkpoints',
    '50',
  ],
  ...['--dashboard-port', '0', '--tensorboard', 'false', '--json'],
];

interface Hand {
  /** Resolves to the sentence of the answer; rejects when it is refused. */
  wish(action: string, rest?: object): Promise<string>;
}

/** The page's connection of who holds the control link. */
async function steering(run: Started): Promise<Hand> {
  const { controlLink } = await until(run, 'its links', () => linksIn(run.said()) ?? undefined);
  const { host, hash } = new URL(controlLink);
  const token = new URLSearchParams(hash.slice(1)).get('token');
  const socket = new WebSocket(`ws://${host}/live`, ['unet-fleet.1', `token.${token}`]);
  socket.on('error', () => {});
  await new Promise((resolve, reject) => {
    socket.once('message', resolve);
    socket.once('close', () => reject(new Error('the page let nobody in')));
  });
  let nextId = 1;
  return {
    wish: (action, rest = {}) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        socket.on('message', (data) => {
          const reply = JSON.parse(String(data));
          if (reply.type !== 'reply' || reply.id !== id) return;
          if (reply.ok) resolve(reply.message);
          else reject(new Error(reply.message));
        });
        socket.send(JSON.stringify({ type: 'control', id, action, ...rest }));
      }),
  };
}

test('a changed learning rate is part of the run: kept through a kill, repeated by a new run, known to a replay', async () => {
  const data = await sampleFlags(join(folder, 'sample'), 30);
  const runDir = join(folder, 'steered');
  const killed = start(['train', ...data, ...recipe, '--workers', '2', '--run-dir', runDir]);
  const hand = await steering(killed);
  await committed(killed, runDir, 3);
  // Standing still, the answer and the kill come between the same two steps.
  expect(await hand.wish('pause')).toMatch(/paus/);
  await recorded(killed, runDir, 'a pause', ({ type }) => type === 'paused');
  expect(await hand.wish('learning-rate', { rate: 0.0003 })).toMatch(/0\.0003/);
  await expect(hand.wish('learning-rate', { rate: -1 })).rejects.toThrow(/learning rate/);
  killed.signal('SIGKILL');
  await killed.ended;

  const resumed = start(['train', '--resume', '--run-dir', runDir, '--workers', '2', '--json']);
  const outcome = outcomeOf(await resumed.ended);
  expect(outcome.reason).toBe('completed');
  const { lines } = readLedger(join(runDir, 'ledger.jsonl'));
  const changed = lines.filter(({ intervention }) => intervention);
  expect(changed).toHaveLength(1);
  const [{ step, learningRate, intervention }] = changed as [(typeof changed)[number]];
  expect({ learningRate, intervention }).toMatchObject({
    learningRate: 0.0003,
    intervention: { previousRate: 0.001, by: expect.stringContaining('127.0.0.1') },
  });
  const rateOf = (n: number) => lines.find((line) => line.step === n)!.learningRate;
  expect([rateOf(step - 1), rateOf(step + 1)]).toEqual([0.001, 0.0003]);

  const again = join(folder, 'repeated');
  const interventions = ['--interventions', join(runDir, 'interventions.json')];
  const repeated = await unetFleet([
    'train',
    ...data,
    ...recipe,
    ...interventions,
    '--workers',
    '1',
    '--run-dir',
    again,
  ]);
  expect(outcomeOf(repeated).weightsSha256).toBe(outcome.weightsSha256);
  expect(courseOf(again)).toEqual(courseOf(runDir));
  const untouched = join(folder, 'untouched');
  const other = await unetFleet(['train', ...data, ...recipe, '--run-dir', untouched]);
  expect(outcomeOf(other).weightsSha256).not.toBe(outcome.weightsSha256);

  const replay = await unetFleet(['replay', runDir, '--step', String(step), '--json']);
  expect([replay.code, replay.stderr]).toEqual([0, expect.any(String)]);
});
