/** A thread of the command: simulates the ranges of seeds that it is given, one after another. */
import { parentPort } from 'node:worker_threads';
import { mutants } from './mutants.ts';
import { simulateRange } from './ranges.ts';

parentPort!.on('message', async ({ first, numSeeds, mutant }) => {
  parentPort!.postMessage(
    await simulateRange(first, numSeeds, mutants.find(({ name }) => name === mutant) ?? null),
  );
});
