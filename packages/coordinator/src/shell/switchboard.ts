/** Who tells whom: what the core wants done, what workers say, and what the broker notices. No state, no decision. */
import type { UpMessage } from '@unet-fleet/wire';
import { refusalOfVersion } from './admission.ts';
import type { Ports } from './conductor.ts';
import type { ControlHandlers } from './control.ts';
import type { RunBrokerEvents } from './run-broker.ts';
import { samplesOfLeaf, welcomeOf } from './run-facts.ts';
import type { RunParts } from './run-parts.ts';

/** What the conductor acts through. */
export function portsOf(parts: RunParts): Ports {
  const { control, fleet, lookout, record, reducers, run, segmenter, teller } = parts;
  return {
    send: (workerId, message) => control.send(workerId, lookout.outgoing(workerId, message)),
    broadcast: (message) => control.broadcast(message),
    reducers,
    sharesMemory: (workerId) => fleet.sharesMemory(workerId),
    forget: (workerId) => {
      fleet.forget(workerId);
      segmenter.lost(workerId);
      return reducers.forgetPeer(workerId);
    },
    samplesOf: (kind, version, leaf) => samplesOfLeaf(run, kind, version, leaf),
    record: (step, own) => {
      record.committed(step);
      lookout.recorded(step, own);
    },
    writeCheckpoint: (effect) => record.writeCheckpoint(effect),
    counted: (answer) => lookout.counted(answer),
    emit: (event) => teller.emit(lookout.event(event)),
  };
}

/** What becomes of what workers say. */
export function handlersOf(parts: RunParts, softwareVersion: string): ControlHandlers {
  const { aborted, conductor, files, fleet, lookout, memory, reducerPeers, run, teller } = parts;
  return {
    welcome: (request) =>
      refusalOfVersion(request, softwareVersion) ?? welcomeOf(run, reducerPeers, memory, files),
    numWorkers: () => conductor.numWorkers,
    tooLarge: (error) => aborted.raise(error),
    rejected: (workerId, reason) => lookout.rejected(fleet.nameOf(workerId), reason),
    cutOff: (workerId, reason) => {
      teller.warn(`${fleet.nameOf(workerId)}: ${reason}`);
      conductor.feed({ type: 'worker-gone', workerId, reason, isFailure: true });
    },
    hears: (workerId, message) => conductor.hears(workerId, message),
    message: (workerId, message) => receive(parts, workerId, message),
  };
}

function receive(
  { conductor, control, fleet, segmenter, teller, workers }: RunParts,
  workerId: string,
  message: UpMessage,
): void {
  if (message.type === 'segmented') {
    segmenter.received(workerId, message);
    return;
  }
  const refusal = fleet.receive(workerId, message, conductor);
  if (refusal !== null) {
    control.send(workerId, { type: 'refusal', reason: refusal });
    teller.warn(refusal);
  } else if (message.type === 'ready') workers.joined(message.name);
}

/** What the core hears of the broker. */
export const brokerEventsOf = ({ conductor }: RunParts): RunBrokerEvents => ({
  onLost: (reason) => conductor.feed({ type: 'broker-lost', reason }),
  onBack: () => conductor.feed({ type: 'broker-back' }),
  onDisconnect: (workerId) => conductor.feed({ type: 'worker-disconnected', workerId }),
});
