/** The cost model of a step, and the constants that are fitted to what was measured. */
import { describe, expect, test } from 'vitest';
import {
  type Constants,
  controlSecondsOf,
  type Fleet,
  predict,
  predictOneMachine,
  reducersFor,
} from './bench/scaling/cost-model.ts';
import { constantsOf, fitRole } from './bench/scaling/fit.ts';
import { idleShare, withTables } from './bench/scaling/tables.ts';

const constants: Constants = {
  workerSecondsPerByte: 2e-9,
  brokerSecondsPerByte: 1e-9,
  reducerSecondsPerByte: 3e-9,
  commitSecondsPerByte: 4e-9,
  workerSecondsOfStep: 1e-3,
  brokerSecondsOfStep: 5e-4,
  coordinatorSecondsOfStep: 2e-3,
  eventsOfWorkerAndStep: 3,
  coreSecondsOfEvent: 1e-5,
  coreSecondsOfEventAndWorker: 1e-7,
  codingSecondsOfWorkerAndStep: 5e-5,
};
const fleet: Fleet = {
  numWorkers: 8,
  workersPerHost: 8,
  parameterBytes: 1e8,
  wireShare: 1,
  carrier: 'broker',
  computeMs: 100,
  combinesOnHost: false,
  numReducers: 8,
  numReducerHosts: 1,
  numBrokerCores: 8,
  linkBytesPerSecond: 1e10,
  hiddenShare: 0,
};

describe('the cost model', () => {
  test('the exchange takes what its busiest resource takes', () => {
    const { exchangeMs, stepMs, bound, resources, efficiency } = predict(fleet, constants);
    // 8 workers' 100 MB at 3 ns a byte and the update of 100 MB at 4 ns, over 8 reducers.
    expect(resources.reducers).toBeCloseTo((8 * 300 + 400) / 8);
    expect(resources['link of the broker']).toBeCloseTo(160);
    expect(bound).toBe('reducers');
    expect(exchangeMs).toBe(resources.reducers);
    expect(stepMs).toBeCloseTo(100 + 350);
    expect(efficiency).toBeCloseTo(100 / 450);
  });

  test('reducers that are many leave the link of the broker, and a host that adds for its workers frees that', () => {
    const many = { ...fleet, numReducers: 64, numReducerHosts: 8, numWorkers: 64, linkBytesPerSecond: 1e9 };
    expect(predict(many, constants).bound).toBe('link of the broker');
    const combined = predict({ ...many, combinesOnHost: true }, constants);
    expect(combined.resources['link of the broker'] * 8).toBeCloseTo(
      predict(many, constants).resources['link of the broker'],
    );
  });

  test('a wire of half the bytes halves every link, and neither the update nor control', () => {
    const [whole, half] = [1, 0.5].map((wireShare) => predict({ ...fleet, wireShare }, constants).resources);
    expect(half!['link of a worker host']).toBeCloseTo(whole!['link of a worker host'] / 2);
    expect(half!.reducers).toBeCloseTo((8 * 150 + 400) / 8);
    expect(half!.control).toBe(whole!.control);
  });

  test('without a broker on the way it is no bound, whatever its link', () => {
    const { resources } = predict({ ...fleet, carrier: 'direct', linkBytesPerSecond: 1e6 }, constants);
    expect(resources['link of the broker'] + resources['processors of the broker']).toBe(0);
  });

  test('as many reducers as a time needs keep to it', () => {
    const numReducers = reducersFor(fleet, constants, 50);
    expect(numReducers).toBe(56);
    expect(predict({ ...fleet, numReducers }, constants).resources.reducers).toBeLessThanOrEqual(50);
    expect(predict({ ...fleet, numReducers: numReducers - 1 }, constants).resources.reducers).toBeGreaterThan(
      50,
    );
  });

  test('what is hidden behind computing is not waited for', () => {
    expect(predict({ ...fleet, hiddenShare: 1 }, constants).stepMs).toBe(100);
  });

  test('control grows with the square of the fleet once each event looks at all of it', () => {
    const growth = controlSecondsOf(constants, 4_000) / controlSecondsOf(constants, 2_000);
    expect(growth).toBeGreaterThan(3);
    expect(controlSecondsOf(constants, 2) / controlSecondsOf(constants, 1)).toBeCloseTo(2, 1);
  });

  test('on one machine all parts add up', () => {
    const { exchangeMs } = predictOneMachine({ ...fleet, numWorkers: 2, numCores: 2 }, constants);
    expect(exchangeMs).toBeCloseTo((2 * (600 + 3.5) + 400) / 2);
  });
});

test('tables take the place of those before, and nothing else of the page changes', () => {
  const page = 'a\n<!-- x -->\nold\n<!-- /x -->\nb\n';
  const once = withTables(page, { x: 'new $1' });
  expect(once).toBe('a\n<!-- x -->\n\nnew $1\n\n<!-- /x -->\nb\n');
  expect(withTables(once, { x: 'new $1' })).toBe(once);
  expect(() => withTables(page, { y: '' })).toThrow('no place for y');
});

test('a worker too few for the leaves leaves nearly half of the time idle', () => {
  expect(idleShare(64, 32)).toBe(0);
  expect(idleShare(64, 63)).toBeCloseTo(1 - 64 / 126);
});

describe('the constants', () => {
  const megabyte = 1e6;
  const measured = (of: (numWorkers: number, bytes: number) => number) =>
    [2, 8].flatMap((numWorkers) =>
      [2, 31].map((megabytes) => ({
        ...{ numWorkers, parameterBytes: megabytes * megabyte },
        seconds: of(numWorkers, megabytes * megabyte),
      })),
    );

  test('are found where the measured points follow the formula', () => {
    const fitted = fitRole(
      measured((workers, bytes) => 2e-3 * workers + 3e-9 * bytes + 5e-9 * workers * bytes),
    );
    expect(fitted.ofWorker).toBeCloseTo(2e-3, 5);
    expect(fitted.ofByte).toBeCloseTo(3e-9, 11);
    expect(fitted.ofWorkerAndByte).toBeCloseTo(5e-9, 11);
  });

  test('are never below zero', () => {
    const fitted = fitRole(measured((workers, bytes) => 5e-9 * workers * bytes * (workers === 2 ? 1.3 : 1)));
    expect(Math.min(...Object.values(fitted))).toBeGreaterThanOrEqual(0);
  });

  test('predict the points that they were fitted to', () => {
    const seconds = (share: number) => (numWorkers: number, bytes: number) =>
      share * numWorkers * (1e-3 + 2e-9 * bytes);
    const points = measured(seconds(1)).map(({ numWorkers, parameterBytes, seconds: all }) => ({
      ...{ numWorkers, parameterBytes },
      cpuSecondsOfStep: { coordinator: all, broker: all / 2, workers: all / 4 },
    }));
    const crowds = [100, 1_000].map((numWorkers) => ({
      ...{
        numWorkers,
        numEvents: 3 * numWorkers,
        microsecondsOfEvent: 10 + numWorkers / 10,
        codingMs: numWorkers / 20,
      },
    }));
    const found = constantsOf(points, crowds);
    for (const { numWorkers, parameterBytes, cpuSecondsOfStep } of points) {
      const { coordinator, broker, workers } = cpuSecondsOfStep;
      const { exchangeMs } = predictOneMachine(
        { numWorkers, parameterBytes, computeMs: 0, numCores: 1 },
        found,
      );
      expect(exchangeMs).toBeCloseTo(1_000 * (coordinator + broker + workers), 3);
    }
    expect(found.coreSecondsOfEvent).toBeCloseTo(1e-5);
    expect(found.coreSecondsOfEventAndWorker).toBeCloseTo(1e-7);
    expect(() => constantsOf(points.slice(0, 1), crowds)).toThrow('need two fleets');
  });
});
