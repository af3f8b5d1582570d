/**
 * What `unet-fleet doctor` looks at. Each check is one function from a probed fact to a finding; what is missing says
 * what that costs and what to do. Pure: probing is in commands/doctor.ts.
 */
import { largestLeaf, memoryLack, type TrainingCost } from '@unet-fleet/coordinator/shell/training-cost';
import { isOlder } from '@unet-fleet/install';
import type { Memory, Processor } from './doctor-machine.ts';
import { counted } from './terminal/format.ts';

export interface Finding {
  name: string;
  /** missing: training needs it; limited: training works, at a cost. */
  state: 'ok' | 'limited' | 'missing';
  found: string;
  /** Empty where all is well. */
  costs: string;
  remedy: string;
}

const ok = (name: string, found: string): Finding => ({ name, state: 'ok', found, costs: '', remedy: '' });

const limited = (name: string, found: string, costs: string, remedy: string): Finding => ({
  name,
  state: 'limited',
  found,
  costs,
  remedy,
});

const missing = (name: string, found: string, costs: string, remedy: string): Finding => ({
  ...limited(name, found, costs, remedy),
  state: 'missing',
});

/** What a probe found, or the sentence that says why it found nothing. */
export type Probed<T> = { value: T } | { problem: string };

const oldestNode = '20.15';
const setup = 'run `npx unet-fleet setup`';

export const nodeFinding = (version: string): Finding =>
  isOlder(version, oldestNode)
    ? missing('Node.js', version, 'unet-fleet does not run on it', `install Node.js ${oldestNode} or newer`)
    : ok('Node.js', version);

export const platformFinding = (platform: Probed<string>): Finding =>
  'value' in platform
    ? ok('platform', platform.value)
    : missing('platform', platform.problem, 'the engine cannot be set up here', 'use another machine');

/**
 * A tool that only set-up uses.
 * @param isSetUp whether all that it would be used for is there already
 */
export function toolFinding(name: string, tool: Probed<string>, use: string, isSetUp: boolean): Finding {
  if ('value' in tool) return ok(name, tool.value);
  // Sentences of this project name the thing, then the remedy.
  const [, found, remedy] = /^(.*?): (.*)$/s.exec(tool.problem) ?? ['', tool.problem, `install ${name}`];
  if (isSetUp)
    return limited(name, found!, `none here; ${use} in an empty cache or after an update`, remedy!);
  return missing(name, found!, use, remedy!);
}

export interface EngineState {
  /** Such as "2.21.0". */
  libraryVersion: string;
  usesGpu: boolean;
}

export const engineFinding = (engine: Probed<EngineState>): Finding =>
  'value' in engine
    ? ok(
        'engine',
        `TensorFlow ${engine.value.libraryVersion}, computes on the ${engine.value.usesGpu ? 'GPU' : 'processor'}`,
      )
    : missing('engine', engine.problem, 'no training, no evaluation, no prediction', setup);

export const processorFinding = ({ model, numCores, instructionSets }: Processor): Finding => {
  const found = `${model}, ${counted(numCores, 'core')}, ${instructionSets.join(' ') || 'no known vector instructions'}`;
  if (process.arch === 'x64' && instructionSets.length > 0 && !instructionSets.includes('avx')) {
    return missing('processor', found, 'TensorFlow crashes without AVX', 'use a processor with AVX');
  }
  return numCores > 1
    ? ok('processor', found)
    : limited('processor', found, 'workers share one core, so a second one gains nothing', 'use more cores');
};

/** Whether a worker for each that the options want has room for its leaf; and which leaf would have. */
export function memoryFinding(
  { totalBytes, availableBytes }: Memory,
  cost: TrainingCost,
  numWorkers: number,
): Finding {
  const { width, height } = cost.leaf;
  const most = largestLeaf(cost, availableBytes / numWorkers);
  const leaves = most > 0 ? `leaves of up to ${counted(most, 'photo')}` : 'no leaf, be it of one photo,';
  const each = numWorkers > 1 ? ` in each of ${numWorkers} workers` : '';
  const found = `${gigabytes(availableBytes)} of ${gigabytes(totalBytes)} GB free, for ${leaves} of ${width}x${height}${each} (${cost.model})`;
  const lack = memoryLack(cost, numWorkers, availableBytes);
  if (lack === null) return ok('memory', found);
  const [costs, remedy] = lack.split(/: (?=use )/) as [string, string];
  return limited('memory', found, `${costs}, and might be ended by the system`, remedy);
}

export interface GpuState {
  /** null: no driver. */
  driver: { version: string; gpus: { name: string; memoryBytes: number }[] } | null;
  isUsed: boolean;
}

export function gpuFinding({ driver, isUsed }: GpuState): Finding {
  const none = 'training runs on the processor, slower than on a GPU';
  if (driver === null)
    return limited(
      'GPU',
      'no NVIDIA driver',
      none,
      'for more than small models use a machine with an NVIDIA GPU',
    );
  const names = driver.gpus.map(({ name, memoryBytes }) => `${name} (${gigabytes(memoryBytes)} GB)`);
  const version = driver.version && `, driver ${driver.version}`;
  const found = `${names.join(', ') || 'NVIDIA driver without nvidia-smi'}${version}`;
  if (isUsed) return ok('GPU', found);
  return limited('GPU', `${found}, not used by the engine`, none, 'run `npx unet-fleet setup --gpu`');
}

export interface BrokerState {
  path: string;
  version: string;
}

export const brokerFinding = (broker: Probed<BrokerState>): Finding =>
  'value' in broker
    ? ok('broker', `nats-server ${broker.value.version} at ${broker.value.path}`)
    : missing(
        'broker',
        broker.problem,
        'no training, unless --nats-url names a broker that runs elsewhere',
        setup,
      );

interface DiskNeed {
  enoughBytes: number;
  /** Below this training cannot work; 0 for a disk that it can do without. */
  leastBytes: number;
  costs: string;
  remedy: string;
}

/** A checkpoint of the full U-Net with its optimizer is 0.4 GB, and a run keeps the last three and the best. */
export const runDisk: DiskNeed = {
  enoughBytes: 3e9,
  leastBytes: 100e6,
  costs: 'a run of the full U-Net may not be able to keep its checkpoints',
  remedy: 'free some space, or put the run elsewhere by --run-dir',
};

/** The CPU engine unpacked is 0.9 GB, with its wheel 1.1 GB. */
export const cacheDisk = (isSetUp: boolean): DiskNeed => ({
  enoughBytes: isSetUp ? 200e6 : 1.3e9,
  leastBytes: isSetUp ? 0 : 1.2e9,
  costs: isSetUp ? 'scans of data sets are not kept' : 'the engine cannot be set up',
  remedy: 'free some space, or point UNET_FLEET_CACHE to another disk',
});

/** Gradients and weights of some workers on this host. */
export const sharedMemoryDisk: DiskNeed = {
  enoughBytes: 1e9,
  leastBytes: 0,
  costs: 'workers on this machine hand their gradients over through the broker, which is slower',
  remedy: 'make /dev/shm larger (in a container: --shm-size=2g)',
};

/** @param freeBytes of the disk that `path` is on */
export function diskFinding(name: string, path: string, freeBytes: Probed<number>, need: DiskNeed): Finding {
  const { enoughBytes, leastBytes, costs, remedy } = need;
  if ('problem' in freeBytes) return limited(name, `${path}: ${freeBytes.problem}`, costs, remedy);
  const found = `${gigabytes(freeBytes.value)} GB free in ${path}`;
  if (freeBytes.value >= enoughBytes) return ok(name, found);
  return freeBytes.value < leastBytes
    ? missing(name, found, costs, remedy)
    : limited(name, found, costs, remedy);
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(1);
