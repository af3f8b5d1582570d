/**
 * What is made of a run folder for people elsewhere: the report, the tables, the status. Of a folder that harmful names
 * are in, of one that lacks parts, and of a real run while it goes on and after it.
 */
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MadeRun, makeRun } from './helpers/made-run.ts';
import { start, unetFleet, until } from './helpers/processes.ts';
import { committed, sampleFlags } from './helpers/runs.ts';

const harmful = '<img src=x onerror=alert(1)>"\'&';
const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-report-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let made: MadeRun;
beforeAll(async () => {
  made = await makeRun(folder, {
    run: `=run ${harmful}`,
    class: `=HYPERLINK("evil")${harmful}`,
    worker: `@worker ${harmful}`,
    photo: harmful,
  });
});

const reportOf = async (runDir: string) => {
  const out = join(folder, 'out', 'a report.html');
  const { code, stdout, stderr } = await unetFleet(['report', runDir, '--out', out, '--json']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return { figures: JSON.parse(stdout), page: readFileSync(out, 'utf8') };
};

/** Tags of the page, each with its attributes' names. */
const tagsOf = (page: string): string[] => [
  ...new Set(
    Array.from(page.matchAll(/<([a-z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/g), ([, tag, attributes]) =>
      [tag, ...Array.from(attributes!.matchAll(/([\w:-]+)(?:="[^"]*")?/g), ([, name]) => name)].join(' '),
    ),
  ),
];

describe('the report of a run', () => {
  test('holds names as text, and nothing that a browser would run or ask for', async () => {
    const { page } = await reportOf(made.runDir);
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;');
    expect(page).not.toContain('<img src=x');
    const tags = tagsOf(page);
    expect(tags.filter((tag) => /\son\w+|\sstyle|^(script|link|iframe|object|base|form)/.test(tag))).toEqual(
      [],
    );
    const addresses = Array.from(
      page.matchAll(/\b(?:src|href|srcset|action)="([^"]*)"/g),
      ([, address]) => address!,
    );
    expect(addresses.length).toBeGreaterThan(10);
    expect(addresses.filter((address) => !/^(#[a-z]+$|data:image\/webp;base64,)/.test(address))).toEqual([]);
    expect(page).not.toMatch(/@import|url\(/);
    expect(page).not.toContain('secret');
  });

  test('tells its course: starts, a lost worker, rates set by hand, and steps once', async () => {
    const { page, figures } = await reportOf(made.runDir);
    expect(figures).toMatchObject({
      ...{ outcome: 'completed', step: 8, numSteps: 8, numStarts: 2, missing: [] },
      best: { step: 8, meanIou: 0.3 },
      numFaults: { 'worker-left': 1, warning: 1 },
      learningRateChanges: [{ step: 6, learningRate: 0.0005 }],
      weightsSha256: 'e'.repeat(64),
    });
    expect(figures.scores).toMatchObject({ step: 8, pixelAccuracy: (2_000 + 772) / 3_072 });
    for (const words of [
      'Completed.',
      'Changes of the run since it began',
      'The loss of 1 step was not a finite number',
      'in 2 starts',
      'broke off; the next start went on from a checkpoint',
      '--interventions interventions.json',
      'What people asked of the run (3)',
    ]) {
      expect(page).toContain(words);
    }
    // Photo, truth, prediction and error of two photos; two predictions of each in their rows.
    expect(page.match(/<img /g)).toHaveLength(12);
  });

  test('says what it lacks, and has the rest: photos moved away, files gone or damaged', async () => {
    const copy = join(folder, 'copy');
    cpSync(made.runDir, copy, { recursive: true });
    writeFileSync(join(copy, 'interventions.json'), '{');
    writeFileSync(join(copy, 'ledger.jsonl'), 'rubbish\n');
    rmSync(join(copy, 'checkpoints'), { recursive: true, force: true });
    writeFileSync(join(copy, 'evaluations', 'step-00000008.json'), '{"version": 1}');
    renameSync(made.dataDir, `${made.dataDir}-moved`);
    try {
      const { figures, page } = await reportOf(copy);
      expect(figures.missing).toHaveLength(2);
      expect(figures.missing[0]).toMatch(
        /^Photos and truth are not shown: .*photos is not on this machine: make the report where the data is\.$/,
      );
      expect(figures.missing[1]).toContain('interventions.json');
      // Of the evaluation before the damaged one.
      expect(figures.scores.step).toBe(4);
      expect(page.match(/<img /g)).toHaveLength(2);
      expect(page).toContain('holds no ledger that can be read');
    } finally {
      renameSync(`${made.dataDir}-moved`, made.dataDir);
    }
  });

  test('of a run that has recorded nothing is a report all the same', async () => {
    const copy = join(folder, 'fresh');
    cpSync(made.runDir, copy, { recursive: true });
    rmSync(join(copy, 'metrics.jsonl'));
    rmSync(join(copy, 'evaluations'), { recursive: true });
    const { figures, page } = await reportOf(copy);
    expect(figures).toMatchObject({ outcome: 'not begun', step: 0, scores: null, best: null });
    expect(page).toContain('The run has recorded no step');
  });

  test('of what is no run is refused with what to do', async () => {
    const { code, stderr } = await unetFleet(['report', made.dataDir]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/holds no run/);
    expect(existsSync(join(made.dataDir, 'report.html'))).toBe(false);
  });
});

test('the tables of a run have steps once, and names that are no formulas', async () => {
  const out = join(folder, 'tables');
  const { code, stdout } = await unetFleet(['csv', made.runDir, '--out', out, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).files.map(({ numRows }: { numRows: number }) => numRows)).toEqual([8, 2, 8, 13]);
  const read = (name: string) => readFileSync(join(out, name), 'utf8').split('\r\n');
  const steps = read('steps.csv').slice(1, -1);
  expect(steps.map((line) => Number(line.split(',')[1]))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(steps[4]).toContain('2026-01-02T03:04:21');
  expect(steps[2]!.split(',')[4]).toBe('NaN');
  expect(read('workers.csv')[1]).toBe(`1,"'@worker ${harmful.replaceAll('"', '""')}",1,0,800,10,20,700,10`);
  expect(read('validations.csv')[0]).toContain(`"iou_1_=HYPERLINK(""evil"")`);
  expect(read('validations.csv')[1]).toMatch(/,0\.8,0\.1,,0,0,0,0$/);
});

test('a status is watched from before the run ends to its end, beside a report of it', async () => {
  const runDir = join(folder, 'real');
  const data = await sampleFlags(join(folder, 'real-data'), 24);
  const training = [
    '--size',
    '32x48',
    '--base-width',
    '4',
    '--epochs',
    '3',
    '--batch-size',
    '2',
    '--workers',
    '1',
  ];
  const engine = ['--device', 'cpu', '--threads', '1', '--dashboard', 'false', '--tensorboard', 'false'];
  const run = start(['train', ...data, ...training, ...engine, '--run-dir', runDir]);
  await committed(run, runDir, 3);
  const watch = start(['status', runDir, '--watch']);
  await until(watch, 'the first status', () => (/run real: /.test(watch.said()) ? true : undefined));
  const early = await reportOf(runDir);
  expect((await run.ended).code).toBe(0);

  const { code, stdout } = await watch.ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/run real: over, epoch 3 of 3, step 33 of 33/);
  expect(stdout).toMatch(/worker worker-1: at work/);
  expect(stdout).not.toContain('\u001b');

  // What it was when the report was made depends on the machine's speed; that it was whole does not.
  expect(['running', 'completed']).toContain(early.figures.outcome);
  expect(early.page.trimEnd()).toMatch(/<\/html>$/);
  const last = await reportOf(runDir);
  expect(last.figures).toMatchObject({ outcome: 'completed', step: 33, numSteps: 33, missing: [] });
  const status = await unetFleet(['status', runDir, '--json']);
  expect(JSON.parse(status.stdout)).toMatchObject({
    ...{ name: 'real', state: 'over', step: 33, epoch: 3, isPaused: false, stopsAfterEpoch: false },
    facts: [{ name: 'worker-1', numThreads: 1 }],
  });
}, 120_000);
