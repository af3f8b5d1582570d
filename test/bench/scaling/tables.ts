/** The tables of docs/scaling.md, in markdown, from constants and measured points. Pure. */
import {
  type Constants,
  controlSecondsOf,
  type Fleet,
  predict,
  predictOneMachine,
  reducersFor,
} from './cost-model.ts';
import type { KernelTimes } from './kernels.ts';

export interface MeasuredPoint {
  numWorkers: number;
  parameterBytes: number;
  leafMs: number;
  stepMs: number;
}

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

const perGigabyte = (secondsPerByte: number): string => `${(secondsPerByte * 1e9).toFixed(2)} s/GB`;
const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

export const constantsTable = (constants: Constants): string =>
  table(
    ['what', 'processor time'],
    [
      ['a byte of gradient out and of weights in, at a worker', perGigabyte(constants.workerSecondsPerByte)],
      ['... through the broker, both ways', perGigabyte(constants.brokerSecondsPerByte)],
      [
        '... at a reducer: received, checked, hashed, added; weights framed',
        perGigabyte(constants.reducerSecondsPerByte),
      ],
      ['a byte of the parameters once a step: norm, update', perGigabyte(constants.commitSecondsPerByte)],
      ['a worker and step, at the worker', `${ms(1e3 * constants.workerSecondsOfStep)} ms`],
      ['... at the broker', `${ms(1e3 * constants.brokerSecondsOfStep)} ms`],
      ['... at the coordinator', `${ms(1e3 * constants.coordinatorSecondsOfStep)} ms`],
      ['... events of the core', constants.eventsOfWorkerAndStep.toFixed(1)],
      ['an event of the core', `${(1e6 * constants.coreSecondsOfEvent).toFixed(0)} µs`],
      ['... and for each 100 workers', `${(1e8 * constants.coreSecondsOfEventAndWorker).toFixed(1)} µs`],
      [
        'messages of a worker and step, encoded, decoded and checked',
        `${(1e6 * constants.codingSecondsOfWorkerAndStep).toFixed(0)} µs`,
      ],
    ],
  );

/** Prediction beside measurement, all parts on one machine. */
export const comparisonTable = (
  points: readonly MeasuredPoint[],
  constants: Constants,
  numCores: number,
): string =>
  table(
    ['parameters', 'workers', 'predicted ms', 'measured ms', 'measured over predicted'],
    points.map(({ numWorkers, parameterBytes, leafMs, stepMs }) => {
      const predicted = predictOneMachine(
        { numWorkers, parameterBytes, computeMs: leafMs, numCores },
        constants,
      );
      return [
        ...[`${(parameterBytes / 4e6).toFixed(1)} M`, numWorkers, ms(predicted.stepMs), ms(stepMs)],
        (stepMs / predicted.stepMs).toFixed(2),
      ];
    }),
  );

/** The U-Net of base width 64 with 59 classes. */
const parameterBytes = 4 * 31_041_403;
/** A step of it on a GPU. */
const computeMs = 50;
const workersPerHost = 8;
const reducersPerHost = 32;
const wires = { float32: 1, bf16: 0.5, int8: 0.2578 };
const gigabits = (number: number): number => (number * 1e9) / 8;

function fleetOf(
  numWorkers: number,
  options: Partial<Fleet>,
): Omit<Fleet, 'numReducers' | 'numReducerHosts'> {
  return {
    ...{ numWorkers, workersPerHost, parameterBytes, computeMs, wireShare: 1, carrier: 'direct' },
    ...{ combinesOnHost: true, numBrokerCores: 32, linkBytesPerSecond: gigabits(100), hiddenShare: 0 },
    ...options,
  };
}

/** With as many reducers as are done in half the time of a leaf, on hosts of their own. */
function outlook(numWorkers: number, options: Partial<Fleet>, constants: Constants) {
  const fleet = fleetOf(numWorkers, options);
  const numReducers = reducersFor(fleet, constants, computeMs / 2);
  const numReducerHosts = Math.ceil(numReducers / reducersPerHost);
  return { numReducers, numReducerHosts, ...predict({ ...fleet, numReducers, numReducerHosts }, constants) };
}

/** What the model says of fleets of GPUs. */
export function outlookTable(constants: Constants): string {
  const rows: (string | number)[][] = [];
  for (const numWorkers of [8, 64, 512, 1_024]) {
    for (const [carrier, combinesOnHost] of [
      ['broker', false],
      ['broker', true],
      ['direct', true],
    ] as const) {
      for (const [wire, wireShare] of Object.entries(wires)) {
        const of = outlook(numWorkers, { carrier, combinesOnHost, wireShare }, constants);
        rows.push([
          ...[
            numWorkers,
            Math.ceil(numWorkers / workersPerHost),
            carrier,
            combinesOnHost ? 'a host' : 'a worker',
            wire,
          ],
          ...[of.numReducers, of.numReducerHosts, ms(of.exchangeMs), of.bound, of.efficiency.toFixed(2)],
          predict(
            {
              ...fleetOf(numWorkers, { carrier, combinesOnHost, wireShare, hiddenShare: 0.6 }),
              ...{ numReducers: of.numReducers, numReducerHosts: of.numReducerHosts },
            },
            constants,
          ).efficiency.toFixed(2),
        ]);
      }
    }
  }
  const head = [
    ...[
      'GPUs',
      'hosts',
      'carrier',
      'one gradient of',
      'wire',
      'reducers',
      'their hosts',
      'exchange ms',
      'which waits for',
    ],
    ...['efficiency', '... with .6 of it hidden'],
  ];
  return table(head, rows);
}

/** How many hosts a resource that all of them share serves within the time of a leaf. */
export function limitsTable(constants: Constants): string {
  const rows = [25, 100, 400].map((link) => {
    const hosts = Object.values(wires).map((share) =>
      Math.floor(((computeMs / 1_000) * gigabits(link)) / (2 * parameterBytes * share)),
    );
    return [`${link} Gbit/s`, ...hosts];
  });
  const control = [64, 512, 1_024, 4_096].map(
    (numWorkers) => `${ms(1e3 * controlSecondsOf(constants, numWorkers))} ms`,
  );
  return `${table(['link of the broker', ...Object.keys(wires).map((wire) => `hosts, ${wire}`)], rows)}\n\n${table(
    ['workers', '64', '512', '1,024', '4,096'],
    [['control of a step', ...control]],
  )}`;
}

/** Share of the workers' time that is lost where the leaves of a step are not a multiple of them. */
export const idleShare = (numLeaves: number, numWorkers: number): number =>
  1 - numLeaves / (numWorkers * Math.ceil(numLeaves / numWorkers));

/** What the law costs against an all_reduce without it. */
export function priceTable(constants: Constants, kernels: KernelTimes, kernelBytes: number): string {
  const scale = parameterBytes / kernelBytes;
  const time = (name: keyof KernelTimes) => `${ms(kernels[name] * scale)} ms`;
  const relay = perGigabyte(constants.brokerSecondsPerByte);
  const megabytes = parameterBytes / 1e6;
  const ring = (numHosts: number) => ((2 * (numHosts - 1)) / numHosts) * megabytes;
  const bytes = (value: number) => `${value.toFixed(0)} MB`;
  return table(
    ['part', 'with the law', 'all_reduce without it', 'its price'],
    [
      [
        'bytes on the link of a worker, both ways',
        `${bytes(2 * megabytes)}: a gradient out, weights in`,
        `${bytes(ring(8))} with 8, ${bytes(ring(64))} with 64 in a ring`,
        'a factor of N/(N-1): none to speak of',
      ],
      [
        'bytes on the link of a reducer',
        '2 N B / R: N gradients in, N times its weights out, for R hosts of reducers',
        'as on every other link',
        'as many hosts of reducers as of workers have links as busy as a ring; fewer are busier by N/R',
      ],
      [
        'through the broker',
        `every byte twice over its link, and ${relay} of its processors`,
        'no broker',
        'all of it, where the carrier is the broker: see the limits above',
      ],
      [
        'fixed tree',
        'N - 1 additions of the whole gradient, wherever they are made; log2 of the leaves deep',
        'N - 1 additions, spread over all',
        `the same additions (${time('add')} each for this model; a copy takes ${time('copy')}), made at the reducers instead of everywhere`,
      ],
      [
        'float32 in one order',
        `add ${time('add')}, norm ${time('finite check and norm')}, in kernels of one order of operations`,
        'any order',
        `add over copy: ${(kernels.add / kernels.copy).toFixed(2)}; no instruction of the processor is left out but wider ones`,
      ],
      [
        'finite check of each leaf',
        `${time('finite check and norm')} a leaf at its worker, which is also the norm that the ledger keeps`,
        'none; a loss scale looks at the sum',
        time('finite check and norm'),
      ],
      [
        'checksums of frames',
        `${time('checksum')} for each of out, in, out, in`,
        "TCP's alone",
        `${ms(4 * kernels.checksum * scale)} ms of processors, on both ends`,
      ],
      [
        'hashes for the ledger',
        `${time('hash')} for each gradient that a reducer gets, and for the sum`,
        'none',
        `${ms(kernels.hash * scale)} ms (N + 1)/R of a reducer's processor`,
      ],
      [
        'one update at the reducers',
        `${time('update')} / R once`,
        `${time('update')} at every worker, all at the same time`,
        'less than none: state and update are sharded',
      ],
      [
        'leaves that the config has cut',
        `64 leaves on 48 workers: ${(100 * idleShare(64, 48)).toFixed(0)} % of their time idle; on 64, 32 or 16: none`,
        'the batch is cut as workers come',
        'none where workers divide the leaves, and up to half where there is one worker too few',
      ],
      [
        'leases and answers',
        `${ms(1e3 * controlSecondsOf(constants, 64))} ms of one thread with 64 workers, ${ms(1e3 * controlSecondsOf(constants, 1_024))} ms with 1,024`,
        'none; a worker that is lost ends the step of all',
        'that time, none of it on a GPU',
      ],
    ],
  );
}

/** The page with each table between its marks; throws where a mark is missing. */
export function withTables(page: string, made: Readonly<Record<string, string>>): string {
  return Object.entries(made).reduce((text, [name, content]) => {
    const place = new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
    if (!place.test(text)) throw new Error(`the page has no place for ${name}`);
    return text.replace(place, (_, before, after) => `${before}\n${content}\n\n${after}`);
  }, page);
}
