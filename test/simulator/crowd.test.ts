/** The control plane of a fleet in virtual time: what it is measured by is a run that ends as it must. */
import { expect, test } from 'vitest';
import { runFleet } from './crowd/fleet.ts';
import { total } from './crowd/tally.ts';

test('every worker of a fleet has its part in every step, for a handful of messages', async () => {
  const [numWorkers, numSteps] = [48, 6];
  const {
    decisions,
    messagesUp,
    messagesDown,
    numSteps: done,
  } = await runFleet({
    ...{ numWorkers, numSteps, leavesPerWorker: 2, seed: 1 },
  });
  expect(done).toBe(numSteps);
  expect(messagesUp.get('ready')!.count).toBe(numWorkers);
  expect(decisions.get('committed')!.count).toBe(numSteps);
  // A lease of two leaves is handed over in one part or in two.
  expect(decisions.get('node-reduced')!.count).toBeLessThanOrEqual(2 * numWorkers * numSteps);
  const perWorkerAndStep = (count: number) => count / numWorkers / numSteps;
  expect(perWorkerAndStep(total(messagesUp).count)).toBeLessThan(4);
  expect(perWorkerAndStep(total(messagesDown).count)).toBeLessThan(5);
});
