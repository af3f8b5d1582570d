/** The commands of the matrix: how each is called, when it is in the middle of its work, and what it leaves when done. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { recipe } from './fixture.ts';

/** A cell's process, as far as a command needs to look at it. */
export interface Look {
  folder: string;
  pid: number;
  said: string;
}

export interface MatrixCommand {
  name: string;
  args: readonly string[];
  /** 'run': goes on without its terminal; 'print': its text is what it is for; 'watch': until it is ended. */
  kind: 'run' | 'print' | 'watch';
  /** Whether it is in the middle of what takes long; commands that only print have none. */
  isUnderWay?(look: Look): boolean;
  /** Whether all is there that exit code 0 promises. */
  isDone(folder: string): boolean;
  /** Photos are that many times more: reading them takes a while. */
  numCopies?: number;
  /** Ends by itself only after hours. */
  isEndless?: boolean;
}

const has = (...parts: string[]): boolean => existsSync(join(...parts));
const numIn = (folder: string, pattern: RegExp): number =>
  has(folder) ? readdirSync(folder).filter((name) => pattern.test(name)).length : 0;
const textOf = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const numSteps = (folder: string, run: string): number =>
  textOf(join(folder, run, 'metrics.jsonl')).split('"type":"step"').length - 1;
const nothing = () => true;
/** It has begun to read photos; that it was quicker than the look is seen from the next test. */
const reads = ({ pid, folder }: Look): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(join(folder, 'data/'));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
};
const data = recipe.slice(0, 6);
const train = [...recipe, '--run-dir', 'r'];
const engineIsLoaded = ({ pid }: Look): boolean => textOf(`/proc/${pid}/maps`).includes('tfjs_binding');

export const commands: readonly MatrixCommand[] = [
  {
    name: 'train',
    args: ['train', ...train, '--epochs', '2'],
    kind: 'run',
    isDone: (folder) => has(folder, 'r/checkpoints/step-00000004') || numSteps(folder, 'r') >= 4,
  },
  {
    name: 'train, long',
    args: ['train', ...train, '--epochs', '1000000', '--validate-every', '1000000'],
    kind: 'run',
    isUnderWay: ({ folder }) => numSteps(folder, 'r') >= 3,
    isDone: () => false,
    isEndless: true,
  },
  {
    name: 'train, scanning',
    args: ['train', ...train, '--epochs', '2'],
    kind: 'run',
    isUnderWay: reads,
    isDone: () => false,
    numCopies: 150,
  },
  {
    name: 'coordinator, waiting',
    args: [
      ...['coordinator', ...train, '--epochs', '2'],
      ...['--nats-host', '127.0.0.1', '--nats-port', '0'],
    ],
    kind: 'run',
    isUnderWay: ({ folder }) => has(folder, 'r/status.json'),
    isDone: () => false,
    isEndless: true,
  },
  {
    name: 'worker, waiting',
    args: ['worker', '--nats-url', 'nats://127.0.0.1:1', '--wait-broker', '600'],
    kind: 'run',
    isUnderWay: ({ said }) => said.includes('waiting for the broker'),
    isDone: () => false,
    isEndless: true,
  },
  {
    name: 'quickstart, sampling',
    args: ['quickstart'],
    kind: 'run',
    isUnderWay: ({ folder }) => numIn(join(folder, 'sample/photos'), /jpg$/) > 0,
    isDone: () => false,
    isEndless: true,
  },
  {
    name: 'dashboard',
    args: ['dashboard', 'runs', '--dashboard-port', '0'],
    kind: 'watch',
    isUnderWay: ({ said }) => said.includes('http://'),
    isDone: nothing,
    isEndless: true,
  },
  {
    name: 'status --watch',
    args: ['status', '--watch', 'running'],
    kind: 'watch',
    isUnderWay: ({ said }) => said.length > 0,
    isDone: nothing,
    isEndless: true,
  },
  {
    name: 'predict',
    args: ['predict', 'data/photos', '--run-dir', 'runs/0001', '--out', 'p'],
    kind: 'print',
    isUnderWay: ({ folder }) => numIn(join(folder, 'p'), /_mask\.png$/) > 0,
    isDone: (folder) => numIn(join(folder, 'p'), /_figure\.png$/) >= 8,
    numCopies: 20,
  },
  {
    name: 'evaluate',
    args: ['evaluate', '--run-dir', 'runs/0001', '--out', 'e'],
    kind: 'print',
    isUnderWay: engineIsLoaded,
    isDone: (folder) => has(folder, 'e/evaluation.json') && has(folder, 'e/confusion.png'),
  },
  {
    name: 'inspect',
    args: ['inspect', ...data],
    kind: 'print',
    isUnderWay: reads,
    isDone: (folder) => has(folder, 'contact-sheet.png'),
    numCopies: 100,
  },
  {
    name: 'pack',
    args: ['pack', ...data, '--out', 'k'],
    kind: 'print',
    isUnderWay: ({ folder }) => has(folder, 'k/shard.tmp'),
    isDone: (folder) => numIn(join(folder, 'k'), /json/) > 0,
    numCopies: 100,
  },
  {
    name: 'sample',
    args: ['sample', '--out', 's', '--photos', '300', '--size', '64x64'],
    kind: 'print',
    isUnderWay: ({ folder }) => numIn(join(folder, 's/photos'), /jpg$/) > 0,
    isDone: (folder) => numIn(join(folder, 's/photos'), /jpg$/) === 300,
  },
  {
    name: 'replay',
    args: ['replay', 'runs/0001'],
    kind: 'print',
    isUnderWay: engineIsLoaded,
    isDone: nothing,
  },
  {
    name: 'report',
    args: ['report', 'runs/0001'],
    kind: 'print',
    isDone: (f) => has(f, 'runs/0001/report.html'),
  },
  {
    name: 'csv',
    args: ['csv', 'runs/0001'],
    kind: 'print',
    isDone: (f) => has(f, 'runs/0001/csv/steps.csv'),
  },
  { name: 'ledger', args: ['ledger', 'runs/0001'], kind: 'print', isDone: nothing },
  { name: 'ledger --json', args: ['ledger', 'runs/0001', '--json'], kind: 'print', isDone: nothing },
  { name: 'status', args: ['status', 'runs/0001'], kind: 'print', isDone: nothing },
  { name: 'config', args: ['config', '--json'], kind: 'print', isDone: nothing },
  { name: 'doctor', args: ['doctor'], kind: 'print', isDone: nothing },
  { name: 'setup', args: ['setup'], kind: 'print', isDone: nothing },
  {
    name: 'credentials',
    args: ['credentials', '--workers', '2', '--hosts', 'localhost', '--out', 'c'],
    kind: 'print',
    isDone: (folder) => has(folder, 'c/coordinator.seed'),
  },
  {
    name: 'deploy render',
    args: ['deploy', 'render', '--images', 'photos', '--masks', 'masks', '--workers', '2'],
    kind: 'print',
    isDone: nothing,
  },
  { name: '--help', args: ['--help'], kind: 'print', isDone: nothing },
];
