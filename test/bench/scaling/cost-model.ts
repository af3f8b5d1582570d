/**
 * What a step of a fleet takes, as a function of what its parts cost: the time of a leaf, and the time of the one resource of
 * the exchange that is longest at work, be it a processor, a link or the coordinator's one thread. Pure.
 */

/** What the parts cost, measured on one machine. Seconds are a processor's. */
export interface Constants {
  /** For each byte that a worker hands over and each byte of weights that it gets in return. */
  workerSecondsPerByte: number;
  brokerSecondsPerByte: number;
  reducerSecondsPerByte: number;
  /** For each byte of the parameters, once a step however many workers there are: norm, update, checksums of the weights. */
  commitSecondsPerByte: number;
  /** Of the exchange for each worker and step, whatever the size of the model. */
  workerSecondsOfStep: number;
  brokerSecondsOfStep: number;
  coordinatorSecondsOfStep: number;
  /** Of the core, for each event; and what each member of the fleet adds to that. */
  eventsOfWorkerAndStep: number;
  coreSecondsOfEvent: number;
  coreSecondsOfEventAndWorker: number;
  /** Encoding, decoding and checking the messages of a worker. */
  codingSecondsOfWorkerAndStep: number;
}

export interface Fleet {
  numWorkers: number;
  workersPerHost: number;
  /** Of the parameters in float32. */
  parameterBytes: number;
  /** Of a value on the wire, of those four bytes. */
  wireShare: number;
  /** Until the last gradient is complete, where each worker computes the same. */
  computeMs: number;
  /** Every byte passes the broker, or goes from worker to reducer and back. */
  carrier: 'broker' | 'direct';
  /** Workers of one host add among themselves, and the weights come once for all of them. */
  combinesOnHost: boolean;
  numReducers: number;
  numReducerHosts: number;
  numBrokerCores: number;
  /** Of every host, each way. */
  linkBytesPerSecond: number;
  /** Part of the exchange that goes on while leaves are computed. */
  hiddenShare: number;
}

export interface Prediction {
  /** How long each resource of the exchange is at work, in ms. */
  resources: Record<Resource, number>;
  exchangeMs: number;
  stepMs: number;
  /** Time of the leaf over time of the step. */
  efficiency: number;
  /** The resource that the exchange waits for. */
  bound: Resource;
}

const resources = [
  'processor of a worker',
  'link of a worker host',
  'processors of the broker',
  'link of the broker',
  'reducers',
  'link of a reducer host',
  'control',
] as const;
export type Resource = (typeof resources)[number];

/** Of the coordinator's main thread, which hears of every worker and asks the core after every message. */
export function controlSecondsOf(constants: Constants, numWorkers: number): number {
  const { eventsOfWorkerAndStep, coreSecondsOfEvent, coreSecondsOfEventAndWorker } = constants;
  const eventSeconds = coreSecondsOfEvent + coreSecondsOfEventAndWorker * numWorkers;
  return numWorkers * (constants.codingSecondsOfWorkerAndStep + eventsOfWorkerAndStep * eventSeconds);
}

/**
 * A fleet whose workers, broker and reducers are on hosts of their own. Buckets follow each other through the resources, so
 * the exchange takes what the busiest of them takes; gradients go before weights, so a link counts for both.
 */
export function predict(fleet: Fleet, constants: Constants): Prediction {
  const { numWorkers, workersPerHost, parameterBytes, wireShare, combinesOnHost, linkBytesPerSecond } = fleet;
  const numHosts = Math.ceil(numWorkers / workersPerHost);
  const numSenders = combinesOnHost ? numHosts : numWorkers;
  const payloadBytes = parameterBytes * wireShare;
  const bothWays = 2 * payloadBytes;
  const isRelayed = fleet.carrier === 'broker';
  const seconds: Record<Resource, number> = {
    'processor of a worker': constants.workerSecondsPerByte * payloadBytes + constants.workerSecondsOfStep,
    'link of a worker host': (bothWays * numSenders) / numHosts / linkBytesPerSecond,
    'processors of the broker': isRelayed
      ? (numSenders * (constants.brokerSecondsPerByte * payloadBytes + constants.brokerSecondsOfStep)) /
        fleet.numBrokerCores
      : 0,
    'link of the broker': isRelayed ? (bothWays * numSenders) / linkBytesPerSecond : 0,
    reducers:
      (numSenders * constants.reducerSecondsPerByte * payloadBytes +
        constants.commitSecondsPerByte * parameterBytes) /
      fleet.numReducers,
    'link of a reducer host': (bothWays * numSenders) / fleet.numReducerHosts / linkBytesPerSecond,
    control: controlSecondsOf(constants, numWorkers),
  };
  const bound = resources.reduce((most, name) => (seconds[name] > seconds[most] ? name : most));
  const exchangeMs = 1_000 * seconds[bound];
  const stepMs = fleet.computeMs + (1 - fleet.hiddenShare) * exchangeMs;
  return {
    resources: Object.fromEntries(
      resources.map((name) => [name, 1_000 * seconds[name]]),
    ) as Prediction['resources'],
    ...{ exchangeMs, stepMs, efficiency: fleet.computeMs / stepMs, bound },
  };
}

/** A fleet on one machine, where all parts share its cores: the exchange takes the sum of what they cost. */
export function predictOneMachine(
  fleet: Pick<Fleet, 'numWorkers' | 'parameterBytes' | 'computeMs'> & { numCores: number },
  constants: Constants,
): { exchangeMs: number; stepMs: number } {
  const { numWorkers, parameterBytes, computeMs, numCores } = fleet;
  const { workerSecondsPerByte, brokerSecondsPerByte, reducerSecondsPerByte } = constants;
  const secondsPerByte = workerSecondsPerByte + brokerSecondsPerByte + reducerSecondsPerByte;
  const secondsOfStep =
    constants.workerSecondsOfStep + constants.brokerSecondsOfStep + constants.coordinatorSecondsOfStep;
  const seconds =
    numWorkers * (secondsPerByte * parameterBytes + secondsOfStep) +
    constants.commitSecondsPerByte * parameterBytes;
  const exchangeMs = (1_000 * seconds) / numCores;
  return { exchangeMs, stepMs: computeMs + exchangeMs };
}

/** Reducers with which they are done with a step's exchange within this time. */
export function reducersFor(
  fleet: Omit<Fleet, 'numReducers' | 'numReducerHosts'>,
  constants: Constants,
  withinMs: number,
): number {
  const alone = predict({ ...fleet, numReducers: 1, numReducerHosts: 1 }, constants);
  return Math.max(1, Math.ceil(alone.resources.reducers / withinMs));
}
