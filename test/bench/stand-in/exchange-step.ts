/** A step whose computing is pretended: the real coordinator, broker and worker processes around a stand-in. */
import { fileURLToPath } from 'node:url';
import { type Measurement, type OnProcessorTime, stepsOf, summary } from '../measure.ts';
import { watchChildren } from '../processes.ts';
import { type StandIn, standInVariable } from './settings.ts';

export interface ExchangeStep {
  /** What a leaf takes. */
  leafMs: number;
  numWorkers: number;
  /** shared: memory of one host; nats: through the broker. */
  carrier: 'shared' | 'nats';
  baseWidth: number;
  /** The first two for warming up. */
  numSteps: number;
  /** Of the run's config, beside those that make the step. */
  options: Readonly<Record<string, string>>;
}

export const numClasses = 59;
/** Of the photos that the moments are of; those that are loaded are as small as the network takes. */
const pretended = { width: 256, height: 192 };
const workerScript = fileURLToPath(new URL('./worker.js', import.meta.url));

export async function exchangeStep(
  step: ExchangeStep,
  onProcessorTime?: OnProcessorTime,
): Promise<Measurement> {
  const { leafMs, numWorkers, carrier, baseWidth, numSteps, options } = step;
  Object.assign(process.env, standInVariable({ leafMs, ...pretended } satisfies StandIn));
  const workload = { baseWidth, width: 32, height: 32, batchSize: numWorkers, numClasses, numSteps };
  const memory = watchChildren(workerScript);
  const own = { leafSize: 1, threads: 1, sharedMemory: carrier === 'shared' };
  const command = [process.execPath, workerScript];
  const steps = await stepsOf(workload, numWorkers, { ...own, ...options }, command, onProcessorTime);
  return { ...summary(steps, numWorkers), peakWorkerMb: memory.stop() };
}
