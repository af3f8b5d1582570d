/**
 * Peers that hold good credentials of a run and misuse them: what they send is refused, they are named, nothing of it
 * reaches a terminal as they wrote it, and the weights are those of an undisturbed run.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunOutcome } from '@unet-fleet/coordinator';
import { isPrintable } from '@unet-fleet/law';
import { encodeHeader, inboxOf, reducerPeer, runTagOf, subjectsOf } from '@unet-fleet/wire';
import { decode, encode, joinReply, protocolVersion } from '@unet-fleet/wire/protocol/messages';
import { connectBroker } from '@unet-fleet/wire/transport/connect';
import { version } from 'unet-fleet/version';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { childrenOf, type Started, start } from './helpers/processes.ts';
import { committed, eventsOf, outcomeOf, recorded, sampleFlags } from './helpers/runs.ts';

const folder = mkdtempSync(join(tmpdir(), 'bad-peers-'));
const recipe = [
  ...['--size', '48x64', '--base-width', '4', '--batch-size', '6', '--leaf-size', '2', '--seed', '5'],
  ...['--device', 'cpu', '--threads', '1', '--workers', '1', '--epochs', '6', '--shared-memory', 'false'],
];
let data: string[] = [];
let reference: RunOutcome;

const train = (runDir: string): Started =>
  start(['train', ...data, ...recipe, '--run-dir', runDir, '--json']);

beforeAll(async () => {
  data = await sampleFlags(join(folder, 'sample'), 20);
  reference = outcomeOf(await train(join(folder, 'reference')).ended);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The credentials that a run's own broker keeps for workers of other shells. */
function credentialsOf(runDir: string): Record<string, string> {
  const path = join(runDir, 'broker', 'worker.env');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/).slice(0, 2)));
}

async function joinAs(instance: string, runDir: string) {
  const env = credentialsOf(runDir);
  const peer = `worker.${instance}`;
  const connection = await connectBroker({
    ...{ url: env.UNET_FLEET_NATS_URL!, user: env.UNET_FLEET_NATS_USER! },
    ...{ password: env.UNET_FLEET_NATS_PASSWORD!, name: peer, peer },
  });
  return { peer, connection, runId: env.UNET_FLEET_RUN!, subjects: subjectsOf(env.UNET_FLEET_RUN!) };
}

test('peers that send rubbish are cut off and named, and the weights are the same', async () => {
  const runDir = join(folder, 'disturbed');
  const run = train(runDir);
  await committed(run, runDir, 1);
  // The run's own worker stands still meanwhile, so that the run is not over before all has been tried.
  const [worker = 0] = childrenOf(run.pid, 'worker');
  process.kill(worker, 'SIGSTOP');
  const hostile = await joinAs('hostile', runDir);
  const { connection, peer, subjects, runId } = hostile;
  const join_ = async (name: string, softwareVersion = version) => {
    const request = encode({ name, protocolVersion, softwareVersion });
    const answer = await connection.request(subjects.join(peer), request, { timeout: 2_000 });
    const reply = decode(joinReply, answer.data);
    if (reply?.type !== 'welcome') throw new Error(`not welcome: ${JSON.stringify(reply)}`);
    return reply;
  };

  await expect(join_('other', '9\u001b[2J')).rejects.toThrow(
    /not welcome: .*worker other is of unet-fleet 9\S*\[2J but the coordinator is of [\d.]+: install the same/,
  );
  // A name that would clear the screen, ring and forge a line of the log, from one who has other data than the run.
  const name = '\u001b[2J\u0007evil\n{"level":60}\u202egpj';
  const { term } = await join_(name);
  const fingerprint = {
    library: '\u001b]0;owned\u0007',
    device: 'cpu',
    intraOpThreads: 1,
    decoder: 'sharp',
    settings: '',
    precision: 'float32',
  };
  const ready = {
    type: 'ready',
    term,
    sequence: 1,
    name,
    fingerprint,
    numSamples: 1,
    manifestSha256: '0'.repeat(64),
    sharesMemory: false,
  };
  connection.publish(subjects.up(peer), encode(ready));
  const refused = await recorded(
    run,
    runDir,
    'the refusal',
    (event) => event.type === 'warning' && event.message.includes('evil'),
  );
  expect(refused).toMatchObject({ message: expect.stringContaining('has other data than the run') });

  // Results of leaves that nobody leased to it, and values that are no numbers.
  const timings = { fetchMs: 0, dataMs: 0, computeMs: 0, sendMs: 0 };
  const leaf = { lossSum: 1e30, weightSum: 1e30, gradientNorm: 0, isFinite: true };
  for (let version = 0; version < 40; version++) {
    const result = {
      type: 'result',
      term,
      sequence: 2 + version,
      kind: 'train',
      version,
      node: { level: 0, index: 0 },
      leaves: [leaf],
      confusion: null,
      timings,
    };
    connection.publish(subjects.up(peer), encode(result));
  }
  // Requests for more than there is, to be answered to somebody else.
  const request = Buffer.alloc(52);
  encodeHeader(request, runTagOf(runId), {
    ...{ kind: 'weights', term, version: 0, level: 0, index: 0, format: 'float32' },
    ...{ role: 'request', bucket: 0 },
    ...{ offsetBytes: 0, lengthBytes: 0, totalBytes: 0, checksum: 0 },
  });
  for (let number = 0; number < 300; number++) {
    request.writeUInt32LE(number, 48);
    connection.publish(subjects.fetch(reducerPeer(term, 0), peer), Buffer.from(request), {
      reply: subjects.all,
    });
  }
  connection.publish(subjects.join(peer), encode({ name, protocolVersion, softwareVersion: version }), {
    reply: subjects.all,
  });

  // Rubbish proper: no messages at all, messages of hostile lengths, and large ones.
  const rubbish = [
    Buffer.of(0xdd, 0xff, 0xff, 0xff, 0xff),
    Buffer.alloc(1024 * 1024, 0x91),
    Buffer.alloc(2 * 1024 * 1024 - 1024, 0xc0),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.alloc(0),
    encode({ type: 'result', term, version: -1 }),
    encode({ type: 'no such type' }),
    encode(['an', 'array']),
  ];
  for (const bytes of rubbish) connection.publish(subjects.up(peer), bytes);
  const named = await recorded(
    run,
    runDir,
    'the cut',
    (event) => event.type === 'warning' && event.message.includes('rubbish'),
  );
  expect(named).toMatchObject({
    message:
      'worker.hostile: it has sent rubbish 6 times, the last time a message that is none: it is cut off',
  });
  // From now on it is not heard: not even a request to join is answered.
  await expect(join_('again')).rejects.toThrow();
  // Another process with the same credentials is: it is the peer that is cut off, not the host.
  const other = await joinAs('other', runDir);
  const answer = await other.connection.request(
    other.subjects.join(other.peer),
    encode({ name: 'other', protocolVersion, softwareVersion: version }),
    { timeout: 5_000 },
  );
  expect(decode(joinReply, answer.data)).toMatchObject({ type: 'welcome' });
  expect(inboxOf(other.peer)).toBe('_INBOX.worker.other');
  await Promise.all([connection.close(), other.connection.close()]);
  process.kill(worker, 'SIGCONT');

  const outcome = outcomeOf(await run.ended);
  expect(outcome.weightsSha256).toBe(reference.weightsSha256);
  for (const line of run.said().split('\n')) expect(isPrintable(line)).toBe(true);
  const warnings = eventsOf(runDir).flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  expect(warnings.filter((message) => !isPrintable(message))).toEqual([]);
});
