/**
 * The process that reads the inputs. It says over a pipe which input it is about to read, so that the one that
 * hangs or kills it is known, and what came of each batch.
 */
import { mkdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Corpus, corpusOf, inputAt } from './input.ts';
import { processorMs, watchMemory } from './measure.ts';
import { readers } from './readers/index.ts';
import { verdictOf } from './verdict.ts';

/** Inputs [from, to) of a reader. */
export interface Job {
  reader: string;
  from: number;
  to: number;
}

export interface Task {
  jobs: Job[];
  seed: number;
  folder: string;
  maxMs: number;
  maxMegabytes: number;
}

export type Report =
  | { type: 'reader'; reader: string }
  | { type: 'batch'; accepted: number; rejected: number; worstMs: number; worstMegabytes: number }
  | { type: 'finding'; index: number; fault: string };

const pipe = 3;
const batchSize = 32;
const report = (event: Report) => writeSync(pipe, `${JSON.stringify(event)}\n`);
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});

interface Outcome {
  isAccepted: boolean;
  fault: string | null;
  ms: number;
}

async function readOne(
  { reader, ...rest }: Corpus,
  task: Task,
  index: number,
  input = inputAt({ reader, ...rest }, task.seed, index),
): Promise<Outcome> {
  const { seed, bytes, mustBeAccepted } = input;
  writeSync(pipe, `${index}\n`);
  const startMs = processorMs();
  let fault: string | null = null;
  let isAccepted = false;
  try {
    await reader.read(bytes, seed, task.folder);
    isAccepted = true;
  } catch (error) {
    const verdict = verdictOf(error, reader.isAnswer);
    if (typeof verdict === 'object') fault = verdict.fault;
    else if (mustBeAccepted) fault = `a valid file (${seed.name}) is refused: ${(error as Error).message}`;
  }
  return { isAccepted, fault, ms: processorMs() - startMs };
}

/** Time that is over the limit by chance (a collection, a library that is loaded) is not so twice. */
async function confirmedMs(corpus: Corpus, task: Task, index: number, ms: number): Promise<number> {
  let least = ms;
  for (let i = 0; i < 2 && least > task.maxMs; i++) {
    least = Math.min(least, (await readOne(corpus, task, index)).ms);
  }
  return least;
}

async function readBatch(corpus: Corpus, task: Task, from: number, to: number): Promise<void> {
  const peak = watchMemory();
  const batch = { type: 'batch' as const, accepted: 0, rejected: 0, worstMs: 0, worstMegabytes: 0 };
  for (let index = from; index < to; index++) {
    const { isAccepted, fault, ms } = await readOne(corpus, task, index);
    batch[isAccepted ? 'accepted' : 'rejected']++;
    const slowMs = ms > task.maxMs ? await confirmedMs(corpus, task, index, ms) : ms;
    batch.worstMs = Math.max(batch.worstMs, slowMs);
    if (fault) report({ type: 'finding', index, fault });
    else if (slowMs > task.maxMs)
      report({ type: 'finding', index, fault: `takes ${Math.round(slowMs)} ms of processor time` });
  }
  batch.worstMegabytes = peak();
  if (batch.worstMegabytes > worstMegabytes) {
    batch.worstMegabytes = await worstOfEach(corpus, task, from, to);
    worstMegabytes = Math.max(worstMegabytes, batch.worstMegabytes);
  }
  report(batch);
}

let worstMegabytes = 8;

/** A batch's garbage adds up; one input after the other shows what each needs. */
async function worstOfEach(corpus: Corpus, task: Task, from: number, to: number): Promise<number> {
  let worst = 0;
  for (let index = from; index < to; index++) {
    const input = inputAt(corpus, task.seed, index);
    collect();
    const peak = watchMemory();
    await readOne(corpus, task, index, input);
    const megabytes = peak();
    worst = Math.max(worst, megabytes);
    if (megabytes > task.maxMegabytes)
      report({ type: 'finding', index, fault: `takes ${Math.round(megabytes)} MB` });
  }
  return worst;
}

async function run(job: Job, task: Task): Promise<void> {
  const reader = readers.find(({ name }) => name === job.reader);
  if (!reader) throw new Error(`no reader ${job.reader}`);
  const folder = join(task.folder, reader.name);
  mkdirSync(join(folder, 'work'), { recursive: true });
  const corpus = await corpusOf(reader, folder);
  worstMegabytes = 8;
  report({ type: 'reader', reader: reader.name });
  for (let from = job.from; from < job.to; from += batchSize) {
    await readBatch(corpus, { ...task, folder }, from, Math.min(job.to, from + batchSize));
  }
}

const task = JSON.parse(process.argv[2]!) as Task;
for (const job of task.jobs) await run(job, task);
process.exit(0);
