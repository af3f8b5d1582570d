/**
 * One run over several hosts: first left alone and measured, then with each
 * host unplugged in turn. Whatever its network does, it must end with the weights of a run on one machine.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventsIn } from '@unet-fleet/record';
import { type FleetPlan, startFleet } from './fleet.ts';
import type { HostProcess } from './host-processes.ts';
import type { Network, Traffic } from './network.ts';

export interface RunPlan extends FleetPlan {
  stepsPerEpoch: number;
  /** One after the other. */
  unplugged: readonly { host: string; seconds: number }[];
  tell(text: string): void;
}

export interface Outage {
  host: string;
  seconds: number;
  /** Committed while the host was away. */
  numSteps: number;
  /** From plugging it in until all workers are members and a step is committed. */
  recoveryMs: number;
}

/** Bytes of each host's interface. */
export type Links = Record<string, Traffic>;

export interface HostsOutcome {
  weightsSha256: string;
  numSteps: number;
  durationMs: number;
  /** Until the first commit: joining, and the data of the first leaves. */
  begin: Links;
  /** A step of the first epoch, in which the workers fetch the data. */
  firstEpochStep: Links;
  /** A later step, with its part of the validations. */
  laterStep: Links;
  laterStepMs: number;
  all: Links;
  frames: Record<string, { forwarded: number; lost: number }>;
  outages: Outage[];
}

const pollMs = 20;

export async function runOnHosts(network: Network, plan: RunPlan): Promise<HostsOutcome> {
  const { stepsPerEpoch, tell } = plan;
  const startMs = performance.now();
  const { coordinator, workers, broker, runDir } = await startFleet(network, plan);
  const watch = new Watch(runDir, [coordinator, ...workers, ...(broker ? [broker] : [])]);
  await watch.until('the first step', () => watch.step >= 1);
  const begin = network.traffic();
  await watch.until('the first epoch', () => watch.step >= stepsPerEpoch && watch.members.size === 2);
  const [first, firstStep] = [network.traffic(), watch.step];
  const laterFrom = performance.now();
  await watch.until('later epochs', () => watch.step >= firstStep + 3 * stepsPerEpoch);
  const [later, numLater] = [network.traffic(), watch.step - firstStep];
  const laterStepMs = (performance.now() - laterFrom) / numLater;
  const outages: Outage[] = [];
  for (const { host, seconds } of plan.unplugged) {
    outages.push(await unplugFor(network, watch, host, seconds));
    tell(`${host} was unplugged for ${seconds} s: ${outages.at(-1)!.numSteps} steps meanwhile`);
  }
  tell('all are back: waiting for the end of the run');
  const { weightsSha256, step } = JSON.parse(await coordinator.ended);
  for (const worker of workers) {
    await worker.ended;
    // Else the run would show nothing of data that has to be fetched.
    if (!worker.said().includes('samples from the coordinator')) throw new Error(`${worker.name} had data`);
  }
  const outcome = {
    weightsSha256,
    numSteps: step,
    durationMs: performance.now() - startMs,
    begin,
    firstEpochStep: perStep(begin, first, firstStep - 1),
    laterStep: perStep(first, later, numLater),
    laterStepMs,
    all: network.traffic(),
    frames: await network.frames(),
    outages,
  };
  broker?.signal('SIGTERM');
  return outcome;
}

async function unplugFor(network: Network, watch: Watch, host: string, seconds: number): Promise<Outage> {
  const before = watch.step;
  await network.unplug(host);
  await watch.during(seconds * 1_000);
  const numSteps = watch.step - before;
  await network.plug(host);
  const pluggedMs = performance.now();
  const after = watch.step;
  await watch.until(
    `${host} is back`,
    () => watch.members.size === 2 && watch.isBrokerUp && watch.step > after,
  );
  return { host, seconds, numSteps, recoveryMs: performance.now() - pluggedMs };
}

/** What the run has recorded so far, read again as it grows. */
class Watch {
  step = 0;
  isBrokerUp = true;
  readonly members = new Set<string>();
  readonly #metrics: string;
  readonly #processes: readonly HostProcess[];
  #numSeen = 0;
  #isFinished = false;

  constructor(runDir: string, processes: readonly HostProcess[]) {
    this.#metrics = join(runDir, 'metrics.jsonl');
    this.#processes = processes;
  }

  async until(what: string, isThere: () => boolean): Promise<void> {
    for (;;) {
      this.#look();
      if (isThere()) return;
      const gone = this.#processes.find((process) => process.hasEnded());
      if (this.#isFinished) throw new Error(`the run was over before ${what}: give more --epochs`);
      if (gone) throw new Error(`${gone.name} ended before ${what}; it said:\n${gone.said()}`);
      await sleep(pollMs);
    }
  }

  async during(durationMs: number): Promise<void> {
    const end = performance.now() + durationMs;
    await this.until('that time', () => performance.now() >= end);
  }

  #look(): void {
    const events = [...eventsIn(this.#metrics)];
    for (const event of events.slice(this.#numSeen)) {
      if (event.type === 'step') this.step = event.step;
      if (event.type === 'worker-joined') this.members.add(event.worker);
      if (event.type === 'worker-left') this.members.delete(event.worker);
      if (event.type === 'broker-lost') this.isBrokerUp = false;
      if (event.type === 'broker-back') this.isBrokerUp = true;
      if (event.type === 'finished') this.#isFinished = true;
    }
    this.#numSeen = events.length;
  }
}

function perStep(from: Links, to: Links, numSteps: number): Links {
  return Object.fromEntries(
    Object.entries(to).map(([host, { sentBytes, receivedBytes }]) => [
      host,
      {
        sentBytes: (sentBytes - from[host]!.sentBytes) / numSteps,
        receivedBytes: (receivedBytes - from[host]!.receivedBytes) / numSteps,
      },
    ]),
  );
}
