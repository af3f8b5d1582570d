/** Constants of the cost model from what was measured. Pure. */
import type { Constants } from './cost-model.ts';

/** Of `bench:scale --json`, over NATS. */
export interface ScalePoint {
  numWorkers: number;
  parameterBytes: number;
  cpuSecondsOfStep: { coordinator: number; broker: number; workers: number };
}

/** Of `simulate:crowd --json`. */
export interface CrowdPoint {
  numWorkers: number;
  numEvents: number;
  microsecondsOfEvent: number;
  codingMs: number;
}

/**
 * Processor seconds of a role as a + b workers + c bytes + d workers x bytes, by least squares of relative errors; what comes
 * out below zero is noise, and counts as nothing.
 */
export function fitRole(points: readonly { numWorkers: number; parameterBytes: number; seconds: number }[]): {
  ofWorker: number;
  ofByte: number;
  ofWorkerAndByte: number;
} {
  const rows = points.map(({ numWorkers, parameterBytes, seconds }) => {
    const weight = 1 / Math.max(seconds, 1e-6);
    const megabytes = parameterBytes / 1e6;
    return {
      terms: [numWorkers, megabytes, numWorkers * megabytes].map((term) => term * weight),
      value: seconds * weight,
    };
  });
  const [ofWorker, ofMegabyte, ofWorkerAndMegabyte] = nonNegativeLeastSquares(rows) as [
    number,
    number,
    number,
  ];
  return { ofWorker, ofByte: ofMegabyte / 1e6, ofWorkerAndByte: ofWorkerAndMegabyte / 1e6 };
}

/** By coordinate descent, which a problem of three terms needs no more than; each is held at zero or above. */
function nonNegativeLeastSquares(rows: readonly { terms: number[]; value: number }[]): number[] {
  const numTerms = rows[0]?.terms.length ?? 0;
  const solution = new Array<number>(numTerms).fill(0);
  for (let round = 0; round < 20_000; round++) {
    for (let term = 0; term < numTerms; term++) {
      let [above, below] = [0, 0];
      for (const { terms, value } of rows) {
        const others = terms.reduce((sum, of, i) => (i === term ? sum : sum + of * solution[i]!), 0);
        above += terms[term]! * (value - others);
        below += terms[term]! ** 2;
      }
      solution[term] = below > 0 ? Math.max(0, above / below) : 0;
    }
  }
  return solution;
}

/** Throws where there are too few points: two fleets and two models are the least, and two crowds. */
export function constantsOf(points: readonly ScalePoint[], crowds: readonly CrowdPoint[]): Constants {
  const numDifferent = (of: (point: ScalePoint) => number) => new Set(points.map(of)).size;
  if (
    numDifferent((p) => p.numWorkers) < 2 ||
    numDifferent((p) => p.parameterBytes) < 2 ||
    crowds.length < 2
  ) {
    throw new Error('the constants need two fleets, two models and two crowds');
  }
  const role = (name: keyof ScalePoint['cpuSecondsOfStep']) =>
    fitRole(points.map((point) => ({ ...point, seconds: point.cpuSecondsOfStep[name] })));
  const [workers, broker, coordinator] = [role('workers'), role('broker'), role('coordinator')];
  const bySize = crowds.toSorted((a, b) => a.numWorkers - b.numWorkers);
  const [small, large] = [bySize[0]!, bySize.at(-1)!];
  const slope = Math.max(
    0,
    (large.microsecondsOfEvent - small.microsecondsOfEvent) / (large.numWorkers - small.numWorkers),
  );
  return {
    workerSecondsPerByte: workers.ofWorkerAndByte,
    brokerSecondsPerByte: broker.ofWorkerAndByte,
    reducerSecondsPerByte: coordinator.ofWorkerAndByte,
    commitSecondsPerByte: workers.ofByte + broker.ofByte + coordinator.ofByte,
    workerSecondsOfStep: workers.ofWorker,
    brokerSecondsOfStep: broker.ofWorker,
    coordinatorSecondsOfStep: coordinator.ofWorker,
    eventsOfWorkerAndStep: large.numEvents / large.numWorkers,
    coreSecondsOfEvent: Math.max(0, large.microsecondsOfEvent - slope * large.numWorkers) / 1e6,
    coreSecondsOfEventAndWorker: slope / 1e6,
    codingSecondsOfWorkerAndStep: large.codingMs / 1_000 / large.numWorkers,
  };
}
