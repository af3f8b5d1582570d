import { Writable } from 'node:stream';
import { loadConfig } from '@unet-fleet/config/load';
import type { RunEvent } from '@unet-fleet/law';
import { expect, test } from 'vitest';
import { bannerLines } from './banner.ts';
import { type BarState, barLine } from './bar.ts';
import { compact, duration, facts, fit, rateText, whole, wrap } from './format.ts';
import { RunTerminal } from './run-terminal.ts';
import { createScreen } from './screen.ts';
import { resumeCommand, summaryLines } from './summary.ts';

const config = loadConfig({
  flags: {
    images: '/data/photos',
    masks: '/data/masks',
    size: '192x128',
    batchSize: '4',
    epochs: '2',
    seed: '7',
  },
});

const started: RunEvent = {
  type: 'run-started',
  runId: 'r-7f3a',
  runDir: 'runs/0001',
  brokerUrl: 'nats://127.0.0.1:4222',
  numStepsDone: 0,
  numSteps: 4,
  numTrainPhotos: 7,
  numValidationPhotos: 2,
  numClasses: 3,
  numParameters: 31037763,
  numLeaves: 4,
};

const step = (epoch: number, stepInEpoch: number, loss: number): RunEvent => ({
  type: 'step',
  epoch,
  stepInEpoch,
  step: (epoch - 1) * 2 + stepInEpoch,
  loss,
  learningRate: 0.001,
  numImages: stepInEpoch === 1 ? 4 : 3,
  gradientNorm: 1,
  stepMs: 2000,
  numWorkers: 2,
});

const epoch = (n: number): RunEvent => ({
  type: 'epoch-started',
  epoch: n,
  numEpochs: 2,
  numSteps: 2,
  firstStep: 2 * n - 1,
});

const validated = (n: number, loss: number, isBest: boolean, learningRate = 0.001): RunEvent => ({
  type: 'validated',
  epoch: n,
  step: 2 * n,
  loss,
  pixelAccuracy: 0.91,
  meanIou: 0.5,
  learningRate,
  isBest,
});

const sha = 'ab'.repeat(32);
const finished: RunEvent = {
  type: 'finished',
  reason: 'completed',
  step: 4,
  weightsSha256: sha,
  bestCheckpoint: 'runs/0001/checkpoints/2',
  lastCheckpoint: 'runs/0001/checkpoints/4',
};

/** Events with the second at which each is read. */
const run: [number, RunEvent][] = [
  [0, started],
  [0, { type: 'waiting', reason: 'no worker is ready', numWorkers: 0, minWorkers: 1 }],
  [1, { type: 'waiting', reason: 'no worker is ready', numWorkers: 0, minWorkers: 1 }],
  [2, { type: 'worker-joined', worker: 'worker-1', numWorkers: 1, numLeaves: 4 }],
  [2, { type: 'worker-joined', worker: 'worker-2', numWorkers: 2, numLeaves: 4 }],
  [2, epoch(1)],
  [9, step(1, 1, 1.5)],
  [11, step(1, 2, 1.25)],
  [11, { type: 'validation-started', step: 2, numImages: 2 }],
  [18, { type: 'validation-progress', step: 2, numImagesDone: 1, numImages: 2 }],
  [19, validated(1, 1.1, true)],
  [
    20,
    {
      type: 'checkpoint',
      step: 2,
      path: 'runs/0001/checkpoints/2',
      isBest: true,
      sizeBytes: 9,
      snapshotMs: 1,
      writeMs: 2,
    },
  ],
  [20, epoch(2)],
  [22, step(2, 1, 1)],
  [22, { type: 'worker-left', worker: 'worker-2', reason: 'no heartbeat for 10 s', numWorkers: 1 }],
  [24, step(2, 2, 0.8)],
  [24, { type: 'note', message: 'masks hold 0 and 255' }],
  [24, { type: 'warning', message: 'the disk is nearly full' }],
  [26, validated(2, 1.2, false, 0.0001)],
  [90, finished],
];

function recorded(stream: { isTTY?: boolean; columns?: number }, env = {}) {
  const terminal = { TERM: 'xterm', ...env };
  const chunks: string[] = [];
  const writable = new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
  return { screen: createScreen(Object.assign(writable, stream), terminal), text: () => chunks.join('') };
}

function play(screen: ReturnType<typeof createScreen>) {
  let nowMs = 0;
  const terminal = new RunTerminal(screen, config, 2, () => nowMs);
  for (const [second, event] of run) {
    nowMs = second * 1000;
    terminal.onEvent(event);
  }
  terminal.close();
  return terminal;
}

test('a run in a pipe: banner, one line per epoch, and figures every few seconds at most', () => {
  const { screen, text } = recorded({});
  play(screen);
  expect(text()).toBe(`unet-fleet: training run r-7f3a
  data        7 photos for training, 2 for validation from photos, resized to 192x128
  model       U-Net, base width 64, transposed, 3 channels -> 3 classes, 31,037,763 parameters
  recipe      2 epochs, rmsprop, learning rate 0.001 (plateau), weight decay 1e-8, clip by value
              0.1, seed 7
  batch       4 images a step in 4 leaves of 1, 4 steps
  workers     2 on this machine
  engine      TensorFlow on GPU if there is one, or else CPU, threads as cores a worker
  broker      embedded at nats://127.0.0.1:4222
  run folder  runs/0001
waiting: no worker is ready
worker worker-1 joined (1 now)
worker worker-2 joined (2 now)
epoch 1/2  step 1/2  loss 1.5000  lr 0.001  2.00 images/s  2 workers  6s left
validation  1/2 images  0.14 images/s  7s left
epoch 1/2  loss 1.3929  validation loss 1.1000  mean IoU 0.500  accuracy 0.910  lr 0.001  17s  best so far
worker worker-2 left: no heartbeat for 10 s (1 now)
epoch 2/2  step 2/2  loss 0.9143  lr 0.001  1.67 images/s  2 workers  8s left
note: masks hold 0 and 255
warning: the disk is nearly full
epoch 2/2  loss 0.9143  validation loss 1.2000  mean IoU 0.500  accuracy 0.910  lr 0.001  6s
learning rate 0.001 -> 1e-4
`);
});

test('a run in a terminal has a live line and leaves the lines of the epochs', () => {
  const { screen, text } = recorded({ isTTY: true, columns: 90 }, { NO_COLOR: '1' });
  play(screen);
  expect(text()).toContain(
    'epoch 2/2  [======>     ]  1/2  loss 1.0000  lr 0.001  1.75 images/s  2 workers  10s left',
  );
  expect(text()).toContain(
    'epoch 2/2  loss 0.9143  validation loss 1.2000  mean IoU 0.500  accuracy 0.910  lr 0.001  6s\n',
  );
  // No colour, and the cursor is shown again.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is tested
  expect(text()).not.toMatch(/\u001b\[[0-9;]*m/);
  expect(text().lastIndexOf('\u001b[?25h')).toBeGreaterThan(text().lastIndexOf('\u001b[?25l'));
});

test('colours in a terminal only, and never in a dumb one a live line', () => {
  const live = recorded({ isTTY: true, columns: 90 });
  live.screen.print('hello', 'bold');
  expect(live.text()).toBe('\u001b[1mhello\u001b[22m\n');
  const piped = recorded({});
  piped.screen.print('hello', 'bold');
  expect(piped.text()).toBe('hello\n');
  expect(recorded({ isTTY: true }, { TERM: 'dumb' }).screen.isLive).toBe(false);
});

test('an epoch without a validation after it, and one that was stopped, get their lines', () => {
  const { screen, text } = recorded({});
  let nowMs = 0;
  const terminal = new RunTerminal(screen, config, 2, () => nowMs);
  const events = [epoch(1), step(1, 1, 2), validated(1, 1.1, false), step(1, 2, 2), epoch(2), step(2, 1, 1)];
  for (const event of [...events, { ...finished, reason: 'stopped' } as RunEvent]) {
    nowMs += 500;
    terminal.onEvent(event);
  }
  expect(text().split('\n')).toEqual([
    'step 2  validation loss 1.1000  mean IoU 0.500  accuracy 0.910',
    'epoch 1/2  loss 2.0000  lr 0.001  2s',
    'epoch 2/2  loss 1.0000  1/2 steps  lr 0.001  1s',
    '',
  ]);
});

test('a banner of a resumed run in a narrow terminal', () => {
  const resumed = { ...started, numStepsDone: 3 } as Extract<RunEvent, { type: 'run-started' }>;
  const { title, rows } = bannerLines(config, resumed, 6, 50);
  expect(title).toBe('unet-fleet: resuming run r-7f3a after step 3 of 4');
  for (const row of rows) expect(row.length).toBeLessThanOrEqual(50);
});

test('figures give way in a narrow terminal, the bar last but the loss', () => {
  const bar: BarState = {
    label: 'epoch 1/2',
    done: 5,
    total: 10,
    unit: '',
    details: [
      { text: 'loss 1.5000', rank: 0 },
      { text: '2 workers', rank: 2 },
      { text: '9s left', rank: 1 },
    ],
  };
  expect([100, 60, 50, 40, 24].map((columns) => barLine(bar, columns))).toEqual([
    'epoch 1/2  [===============>              ]  5/10  loss 1.5000  2 workers  9s left',
    'epoch 1/2  [=========>        ]  5/10  loss 1.5000  9s left',
    'epoch 1/2  [========>        ]  5/10  loss 1.5000',
    'epoch 1/2  [==========>         ]  5/10',
    'epoch 1/2  5/10',
  ]);
  for (let columns = 5; columns < 120; columns++) expect(barLine(bar, columns).length).toBeLessThan(columns);
});

test('the summary names what there is and what to do next', () => {
  const { progress } = play(recorded({}).screen);
  const options = {
    command: 'train',
    runDir: 'my runs/1',
    best: { step: 2, loss: 1.1, meanIou: 0.5 },
    files: [['curves', 'my runs/1/curves.png']] as [string, string][],
  } as const;
  const end = finished as Extract<RunEvent, { type: 'finished' }>;
  const { title, rows } = summaryLines(progress, end, 90_000, options);
  expect([title, ...rows].join('\n')).toBe(`finished: 4 steps in 1m 30s
  best      validation loss 1.1000, mean IoU 0.500, at step 2
  weights   sha256 ${sha}
  curves    my runs/1/curves.png
  evaluate  npx unet-fleet evaluate --run-dir 'my runs/1'
  predict   npx unet-fleet predict --run-dir 'my runs/1' PHOTO-OR-FOLDER`);
  const resumed = { ...progress, numStepsBefore: 3 };
  expect(summaryLines(resumed, end, 90_000, options).title).toBe(
    'finished: 4 steps (1 since it was resumed) in 1m 30s',
  );
  const stopped = summaryLines(progress, { ...end, reason: 'stopped' }, 90_000, options);
  expect(stopped.title).toBe('stopped after 4 steps, nothing is lost');
  expect(stopped.rows.at(-1)).toContain(resumeCommand('train', 'my runs/1'));
});

test('figures as people read them', () => {
  expect([0, 999, 59_499, 65_000, 3_725_000].map(duration)).toEqual(['0s', '1s', '59s', '1m 05s', '1h 02m']);
  expect([1, 999, 31037698].map(whole)).toEqual(['1', '999', '31,037,698']);
  expect([0.001, 1e-8, 0.00003162, 12345678, 0].map(compact)).toEqual([
    '0.001',
    '1e-8',
    '3.16e-5',
    '1.23e7',
    '0',
  ]);
  expect([0.523, 123.4].map(rateText)).toEqual(['0.52 images/s', '123 images/s']);
  expect(fit('0123456789', 5)).toBe('0123…');
  expect(wrap('a bb /a/very/long/path cc', 8)).toEqual(['a bb', '/a/very/long/path', 'cc']);
  expect(
    facts(
      [
        ['a', 'x'],
        ['bcd', 'y'],
      ],
      80,
    ),
  ).toEqual(['  a    x', '  bcd  y']);
});
