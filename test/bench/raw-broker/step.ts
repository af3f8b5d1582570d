/**
 * The exchange of a step as the broker alone allows it: as many clients as a run has, and as many bytes in messages of the
 * same size, gradients to two reducers and weights from them to every worker, and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from '@unet-fleet/coordinator';
import { Thread } from '@unet-fleet/shared/threads';
import type { RawClientFunctions, RawClientOptions } from './client.ts';

const numReducers = 2;
const messageBytes = 4 * 1024 * 1024;
/** What the coordinator's credentials may say and hear. */
const subjectOf = (what: string) => `_INBOX.coordinator.${what}`;

/** Median ms of the steps after the first: gradients there, and weights back. */
export async function rawSteps(
  numWorkers: number,
  numBytes: number,
  numSteps: number,
): Promise<{ reduceMs: number[]; fetchMs: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'unet-fleet-raw-broker-'));
  const { port, user, password, stop } = await startBroker({ port: 0, folder });
  const clientOf = (name: string, hears: string[]) =>
    new Thread<RawClientFunctions>(new URL('./client.js', import.meta.url), {
      name,
      data: { port, user, password, hears } satisfies RawClientOptions,
      functions: {},
    });
  const workers = Array.from({ length: numWorkers }, (_, i) =>
    clientOf(`worker ${i}`, [subjectOf('weights')]),
  );
  const gradients = Array.from({ length: numReducers }, (_, i) => subjectOf(`gradients.${i}`));
  const reducers = gradients.map((subject) => clientOf(subject, [subject]));
  const clients = [...workers, ...reducers];
  const numMessages = Math.ceil(numBytes / messageBytes / numReducers) * numReducers;
  const ofReducer = (numMessages / numReducers) * messageBytes;
  const reduceMs: number[] = [];
  const fetchMs: number[] = [];
  try {
    await Promise.all(clients.map((client) => client.call('ready', [])));
    for (let step = 0; step < numSteps; step++) {
      const times = [
        await timed([
          ...workers.map((worker) => worker.call('publish', [gradients, numMessages, messageBytes])),
          ...reducers.map((reducer) => reducer.call('receive', [numWorkers * ofReducer])),
        ]),
        await timed([
          ...reducers.map((reducer) =>
            reducer.call('publish', [[subjectOf('weights')], numMessages / numReducers, messageBytes]),
          ),
          ...workers.map((worker) => worker.call('receive', [numReducers * ofReducer])),
        ]),
      ];
      if (step === 0) continue;
      reduceMs.push(times[0]!);
      fetchMs.push(times[1]!);
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return { reduceMs, fetchMs };
}

async function timed(work: Promise<unknown>[]): Promise<number> {
  const start = performance.now();
  await Promise.all(work);
  return performance.now() - start;
}
