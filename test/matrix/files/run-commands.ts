/**
 * The commands after `inspect`, as processes, for the cells that name them: train, evaluate, predict with true masks, and
 * a pack that a worker without the folders trains on, to the same weights. What it keeps true: each begins from the files
 * alone, with the options that the cell's user needs and no others but those that keep it small.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startBroker } from '@unet-fleet/coordinator';
import sharp from 'sharp';
import type { Cell } from './cell.ts';
import type { Verdict } from './judge-all.ts';
import { truthsOf } from './truths.ts';

const script = fileURLToPath(new URL('../../../../packages/cli/bin/unet-fleet.js', import.meta.url));
const small = [
  ...[
    '--size',
    '32x32',
    '--base-width',
    '4',
    '--batch-size',
    '2',
    '--epochs',
    '1',
    '--validation-share',
    '0.25',
  ],
  ...['--device', 'cpu', '--threads', '1', '--dashboard', 'false', '--tensorboard', 'false'],
];
const patienceMs = 180_000;

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function unetFleet(args: readonly string[], cwd: string, login: Record<string, string> = {}): Promise<Ended> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith('UNET_FLEET_') || name === 'UNET_FLEET_CACHE',
    ),
  );
  return new Promise((resolve) => {
    const options = { cwd, env: { ...env, ...login }, timeout: patienceMs, maxBuffer: 2 ** 26 };
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({
        code,
        stdout,
        stderr: code === -1 ? `${stderr}\nended by ${error?.signal ?? error?.message}` : stderr,
      });
    });
  });
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)!.slice(0, 400);
const loginOf = ({ user, password }: { user: string; password: string }) => ({
  UNET_FLEET_NATS_USER: user,
  UNET_FLEET_NATS_PASSWORD: password,
});

export async function runCommands(
  cells: readonly Cell[],
  root: string,
  deadlineMs: number,
  tell: (text: string) => void,
): Promise<Verdict[]> {
  const open = cells.filter(({ commands }) => commands.length > 1);
  if (open.length === 0) return [];
  const numCells = open.length;
  const verdicts: Verdict[] = [];
  const work = mkdtempSync(join(tmpdir(), 'file-matrix-runs-'));
  const runs = new BaseRuns(root, work);
  try {
    const worker = async () => {
      for (let cell = open.shift(); cell !== undefined; cell = open.shift()) {
        const commands = new Commands(cell, root, mkdtempSync(join(work, 'cell-')), runs);
        for (const command of cell.commands.slice(1)) {
          const startMs = performance.now();
          const faults = startMs > deadlineMs ? null : await commands.run(command);
          verdicts.push({ cell: cell.name, command, faults, seconds: (performance.now() - startMs) / 1000 });
        }
        tell(
          `${cell.name}: ${verdicts
            .filter(({ cell: name }) => name === cell.name)
            .map(({ command, seconds }) => `${command} ${seconds.toFixed(0)} s`)
            .join(', ')}; ${numCells - open.length} of ${numCells}`,
        );
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker));
    return verdicts;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A trained run for each value set, for cells that only predict: their names are in question, not their training. */
class BaseRuns {
  private readonly runs = new Map<string, Promise<string>>();
  private readonly root: string;
  private readonly work: string;

  constructor(root: string, work: string) {
    this.root = root;
    this.work = work;
  }

  /** The folder of a run on this cell's files; throws where it can't be trained. */
  of(cell: Cell): Promise<string> {
    const key = cell.files.values!;
    const known = this.runs.get(key) ?? this.trained(key, cell);
    this.runs.set(key, known);
    return known;
  }

  private async trained(key: string, cell: Cell): Promise<string> {
    const runDir = join(this.work, `base-${key}`);
    const args = [
      'train',
      ...cell.args,
      ...small,
      '--validation-share',
      '0.5',
      '--batch-size',
      '1',
      '--run-dir',
      runDir,
    ];
    const { code, stderr } = await unetFleet(args, join(this.root, 'cells', cell.name));
    if (code !== 0) throw new Error(`train ends with code ${code}: ${lastLine(stderr)}`);
    return runDir;
  }
}

class Commands {
  private readonly cell: Cell;
  private readonly root: string;
  private readonly folder: string;
  private readonly work: string;
  private readonly runs: BaseRuns;
  private weightsSha256 = '';

  constructor(cell: Cell, root: string, work: string, runs: BaseRuns) {
    this.cell = cell;
    this.root = root;
    this.folder = join(root, 'cells', cell.name);
    this.work = work;
    this.runs = runs;
  }

  private get runDir(): string {
    return join(this.work, 'run');
  }

  async run(command: string): Promise<string[]> {
    try {
      if (command === 'train') return await this.train();
      if (command === 'evaluate') return await this.evaluate();
      if (command === 'predict') return await this.predict();
      if (command === 'pack') return await this.pack();
    } catch (error) {
      return [`${command}: ${(error as Error).message}`];
    }
    throw new Error(`there is no command ${command}`);
  }

  private async train(): Promise<string[]> {
    const args = ['train', ...this.cell.args, ...small, '--run-dir', this.runDir, '--json'];
    const { code, stdout, stderr } = await unetFleet(args, this.folder);
    if (code !== 0) return [`train ends with code ${code}: ${lastLine(stderr)}`];
    this.weightsSha256 = JSON.parse(stdout).weightsSha256;
    const hasWord = this.cell.warns === '' || new RegExp(this.cell.warns).test(stderr);
    return hasWord ? [] : [`train says nothing of /${this.cell.warns}/`];
  }

  private async evaluate(): Promise<string[]> {
    const args = ['evaluate', '--run-dir', this.runDir, '--part', 'all', '--device', 'cpu', '--json'];
    const { code, stdout, stderr } = await unetFleet(args, this.folder);
    if (code !== 0) return [`evaluate ends with code ${code}: ${lastLine(stderr)}`];
    const { numImages, files } = JSON.parse(stdout);
    const rows = readFileSync(files.csv, 'utf8').trim().split('\n').slice(1);
    const wanted = this.trainedCounts();
    const counts = rows.map((row) => row.split(',').slice(-rows.length).map(Number));
    const found = counts.map((row) => row.reduce((sum, count) => sum + count, 0));
    const faults = numImages === this.cell.samples.length ? [] : [`evaluate scores ${numImages} photos`];
    if (`${found}` !== `${wanted}`) faults.push(`evaluate counts ${found} true pixels instead of ${wanted}`);
    return faults;
  }

  /** Pixels of each class at 32 x 32: of each output pixel the one that holds its centre. */
  private trainedCounts(): number[] {
    const counts = Array<number>(this.cell.num_classes).fill(0);
    for (const { width, height, classes } of truthsOf(this.cell, this.root)) {
      for (let y = 0; y < 32; y++) {
        for (let x = 0; x < 32; x++) {
          const [column, row] = [Math.floor(((x + 0.5) * width) / 32), Math.floor(((y + 0.5) * height) / 32)];
          const value = classes[row * width + column]!;
          if (value >= 0) counts[value]!++;
        }
      }
    }
    return counts;
  }

  /** With the true masks beside: found for every photo, or the command would have said so. */
  private async predict(): Promise<string[]> {
    const runDir = this.cell.commands.includes('train') ? this.runDir : await this.runs.of(this.cell);
    const out = join(this.work, 'predicted');
    const pairing = ['--masks', '--mask-suffix', '--image-suffix', '--mat-variable'].flatMap((flag) => {
      const at = this.cell.args.indexOf(flag);
      return at < 0 ? [] : [flag, this.cell.args[at + 1]!];
    });
    const photos = `./${this.cell.photos}`;
    const args = [
      'predict',
      photos,
      '--run-dir',
      runDir,
      ...pairing,
      '--out',
      out,
      '--device',
      'cpu',
      '--json',
    ];
    const { code, stdout, stderr } = await unetFleet(args, this.folder);
    if (code !== 0) return [`predict ends with code ${code}: ${lastLine(stderr)} ${stdout.slice(0, 300)}`];
    const report = JSON.parse(stdout);
    const truths = truthsOf(this.cell, this.root);
    const faults = report.failures.map(
      ({ path, reason }: { path: string; reason: string }) => `${path}: ${reason}`,
    );
    if (report.outputs.length < truths.length) {
      faults.push(`${report.outputs.length} photos are predicted instead of ${truths.length}`);
    }
    for (const { mask } of report.outputs.slice(0, truths.length)) {
      const size = await sharp(mask).metadata();
      if (size.width !== truths[0]!.width || size.height !== truths[0]!.height) {
        faults.push(`a prediction has ${size.width} x ${size.height} pixels`);
      }
    }
    const warning = /warning: .*/.exec(stderr)?.[0];
    if (warning !== undefined && /truth|mask/.test(warning)) faults.push(warning);
    return faults;
  }

  /** `pack`, a coordinator that reads it, and a worker that has no file: the weights of `train`. */
  private async pack(): Promise<string[]> {
    const pack = join(this.work, 'pack');
    const packed = await unetFleet(['pack', ...this.cell.args, '--out', pack, '--json'], this.folder);
    if (packed.code !== 0) return [`pack ends with code ${packed.code}: ${lastLine(packed.stderr)}`];
    const elsewhere = join(this.work, 'elsewhere');
    mkdirSync(elsewhere);
    const broker = await startBroker({ port: 0, folder: join(this.work, 'broker') });
    const coordinator = unetFleet(
      [
        'coordinator',
        '--nats-url',
        broker.url,
        '--pack',
        pack,
        ...this.otherArgs(),
        ...small,
        '--run-dir',
        join(this.work, 'packed'),
        '--json',
      ],
      elsewhere,
      loginOf(broker),
    );
    const worker = unetFleet(
      ['worker', '--nats-url', broker.url, '--fetch', '--sample-cache', join(this.work, 'cache')],
      elsewhere,
      loginOf(broker.worker),
    );
    const [{ code, stdout, stderr }, worked] = await Promise.all([coordinator, worker]).finally(() =>
      broker.stop(),
    );
    if (code !== 0) return [`the coordinator of the pack ends with code ${code}: ${lastLine(stderr)}`];
    const faults =
      worked.code === 0
        ? []
        : [`the worker without files ends with code ${worked.code}: ${lastLine(worked.stderr)}`];
    if (JSON.parse(stdout).weightsSha256 !== this.weightsSha256)
      faults.push('a pack and a worker without files give other weights');
    if (readdirSync(elsewhere).length > 0) faults.push('the worker leaves files where it stands');
    return faults;
  }

  /** What the pack does not hold. */
  private otherArgs(): string[] {
    const held = new Set(['--images', '--masks', '--palette', '--class-names']);
    return this.cell.args.filter((_, i, all) => !held.has(all[i - (i % 2)]!));
  }
}
