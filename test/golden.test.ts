/**
 * The bits on record: what short runs with real processes end with, for each engine on which they were recorded. A change
 * of structure or speed leaves them as they are; a change that means to alter them records them anew
 * (`UNET_FLEET_RECORD=1 npx vitest run test/golden.test.ts`), and its message says which and why.
 * On an engine without a record the losses have to agree with those of another, and the record to add is printed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { dataKinds, writeData } from './golden/data.ts';
import { type RecordedRun, recordedRuns } from './golden/runs.ts';
import { start } from './helpers/processes.ts';
import { committed, courseOf, outcomeOf } from './helpers/runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

interface Record {
  weightsSha256: string;
  /** Of each step. */
  losses: number[];
}

const recordPath = new URL('golden/weights.json', import.meta.url);
/** By engine, then by the run's name. */
const records: { [engine: string]: { [run: string]: Record } } = JSON.parse(readFileSync(recordPath, 'utf8'));
const isRecording = process.env.UNET_FLEET_RECORD === '1';

const common =
  '--size 40x32 --base-width 4 --epochs 2 --seed 5 --device cpu --threads 1 --dashboard false --tensorboard false';
const folder = mkdtempSync(join(tmpdir(), 'golden-'));
const dataFlags = new Map<string, string[]>();

beforeAll(async () => {
  for (const [name, kind] of Object.entries(dataKinds)) {
    dataFlags.set(name, await writeData(join(folder, name), kind));
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  if (!isRecording) return;
  writeFileSync(recordPath, `${JSON.stringify(records, null, 1)}\n`);
});

/** The last of several settings of one option counts, as it is not said twice to the command. */
function flagsOf({ data, flags, rates }: RecordedRun, runDir: string): string[] {
  const options = new Map<string, string[]>();
  for (const text of `${common} ${flags}`.split(/ (?=--)/)) {
    const [name] = text.split(/[ =]/);
    options.set(name!, text.split(' '));
  }
  const interventions: string[] = [];
  if (rates !== undefined) {
    const path = `${runDir}-rates.json`;
    writeFileSync(path, JSON.stringify({ formatVersion: 1, interventions: rates }));
    interventions.push('--interventions', path);
  }
  return [...dataFlags.get(data)!, ...[...options.values()].flat(), ...interventions];
}

async function train(run: RecordedRun): Promise<{ engine: string; record: Record }> {
  const runDir = join(folder, run.name.replace(/\W+/g, '-'));
  const started = start(['train', ...flagsOf(run, runDir), '--run-dir', runDir, '--json']);
  let ended = started.ended;
  if (run.stopAfterStep !== undefined) {
    await committed(started, runDir, run.stopAfterStep);
    started.signal('SIGTERM');
    expect((await ended).code).toBe(4);
    ended = start(['train', '--resume', '--run-dir', runDir, '--json']).ended;
  }
  const { weightsSha256, lastCheckpoint } = outcomeOf(await ended);
  const { engines } = JSON.parse(readFileSync(join(lastCheckpoint, 'manifest.json'), 'utf8'));
  return {
    engine: `${engines[0].library}, ${engines[0].device}`,
    record: { weightsSha256, losses: courseOf(runDir).map(({ loss }) => loss as number) },
  };
}

test.concurrent.each(recordedRuns)('$name', async (run) => {
  const { engine, record } = await train(run);
  const known = records[engine]?.[run.name];
  if (isRecording) {
    records[engine] = { ...records[engine], [run.name]: record };
  } else if (known !== undefined) {
    expect(record).toEqual(known);
  } else {
    console.warn(`No record for ${engine}; add "${run.name}": ${JSON.stringify(record)}`);
    const other = Object.values(records).flatMap((runs) => runs[run.name] ?? [])[0]!;
    expect(record.losses).toHaveLength(other.losses.length);
    // Later losses drift apart with the rounding of the first ones.
    expect(record.losses[0]).toBeCloseTo(other.losses[0]!, 4);
  }
});
