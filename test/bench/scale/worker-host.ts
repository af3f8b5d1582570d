/**
 * Several workers in one process, each with its shell, its connections and a compute thread of its own, as on hosts of their
 * own but for the process: 64 of them fit into the memory of a small machine. A stand-in takes the engine's place.
 */
import { newInstance, peerOf } from '@unet-fleet/wire';
import { joinWithStandIn, leaving } from '../stand-in/join.ts';
import type { BrokerLogin } from './broker.ts';
import { hostedVariable } from './variables.ts';

const logins = JSON.parse(process.env[hostedVariable]!) as BrokerLogin[];
const signal = leaving();

await Promise.all(
  logins.map((broker) =>
    joinWithStandIn({
      broker,
      workerId: peerOf(broker.user, newInstance()),
      name: broker.user,
      runId: '',
      runPatienceMs: 120_000,
      signal,
    }),
  ),
);
process.disconnect();
