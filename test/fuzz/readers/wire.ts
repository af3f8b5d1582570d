/** What comes over the broker or shared memory: control messages, bulk frames. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isPrintable } from '@unet-fleet/law';
import {
  type BulkKey,
  decodeHeader,
  encodeHeader,
  FetchError,
  frameHeaderBytes,
  mismatch,
  reducerPeer,
  runTagOf,
  ShmInbox,
  type Welcome,
} from '@unet-fleet/wire';
import { fileReply, fileRequest } from '@unet-fleet/wire/protocol/file-messages';
import {
  decode,
  discoverReply,
  downMessage,
  encode,
  joinReply,
  joinRequest,
  upMessage,
} from '@unet-fleet/wire/protocol/messages';
import { smallModel } from '../../helpers/small-model.ts';
import type { Reader, Seed } from '../reader.ts';

const node = { level: 1, index: 2 };
const fingerprint = {
  library: 'TensorFlow 2.21',
  device: 'cpu',
  intraOpThreads: 2,
  decoder: 'sharp',
  settings: '',
  precision: 'bf16' as const,
};
const leaf = { lossSum: 1.5, weightSum: 64, gradientNorm: 0.25, isFinite: true };
const timings = { fetchMs: 1, dataMs: 2, computeMs: 3.5, sendMs: 4 };
const welcome = {
  type: 'welcome',
  runId: 'run-1',
  term: 3,
  data: {
    images: '/data/photos',
    masks: '/data/masks',
    pack: '',
    imageSuffix: '',
    maskSuffix: '',
    matVariable: 'groundtruth',
    palette: '',
    classNames: '',
    numClasses: 3,
    size: '96x128',
    scale: 1,
    channels: 3,
    valueRange: '0..4095',
    orientation: 'photo',
    maskValues: '0,255',
    maskThreshold: 0,
    ignoreIndex: -1,
    unpaired: 'warn',
    wrongMasks: 'stop',
    followLinks: false,
    maxPixels: 2 ** 27,
    split: 'auto',
    trainList: '',
    valList: '',
    validationShare: 0.1,
  },
  model: smallModel({ numClasses: 3, baseWidth: 16 }),
  plan: { numTrainSamples: 9, numValidationSamples: 1, batchSize: 4, leafSize: 1, epochs: 2, seed: 1 },
  device: 'auto',
  intraOpThreads: 1,
  precision: 'float32',
  retriesInFloat32: false,
  loss: 'cross-entropy',
  ignoreIndex: -1,
  classWeights: [1, 2, 0.5],
  reducers: [reducerPeer(3, 0), reducerPeer(3, 1)],
  wire: 'bf16',
  sharedMemoryFolder: '/dev/shm/a',
  sharedMemoryToken: 'token',
  listingSha256: 'b'.repeat(64),
} satisfies Welcome;
const messages = {
  join: { name: 'worker-1', protocolVersion: 3, softwareVersion: '0.1.0' },
  discover: { runId: 'run-1', numWorkers: 2 },
  welcome,
  refusal: { type: 'refusal', reason: 'no' },
  ready: {
    type: 'ready',
    term: 3,
    sequence: 5,
    name: 'a',
    fingerprint,
    numSamples: 9,
    manifestSha256: 'a'.repeat(64),
    sharesMemory: true,
  },
  heartbeat: { type: 'heartbeat', term: 3, sequence: 5, leaseId: 7, isComputing: true },
  telemetry: {
    type: 'heartbeat',
    term: 3,
    sequence: 5,
    leaseId: 7,
    isComputing: true,
    telemetry: {
      host: 'a',
      pid: 7,
      residentBytes: 2 ** 33,
      gpu: { utilization: 0.5, memoryBytes: 2 ** 30, memoryTotalBytes: 2 ** 36 },
    },
  },
  result: {
    type: 'result',
    term: 3,
    sequence: 5,
    kind: 'train',
    version: 4,
    node,
    leaves: [leaf, leaf],
    confusion: null,
    timings,
  },
  summed: {
    type: 'result',
    term: 3,
    sequence: 5,
    kind: 'sums',
    version: 4,
    node,
    leaves: [{ ...leaf, addends: [0.5, 32, 1e-9] }],
    confusion: null,
    timings,
  },
  validated: {
    type: 'result',
    term: 3,
    sequence: 5,
    kind: 'validation',
    version: 4,
    node,
    leaves: [leaf],
    confusion: { indices: [0, 4, 8], counts: [10, 20, 30] },
    timings,
    pictures: [{ sample: 3, classes: Uint8Array.of(120, 156, 99, 0, 0, 0, 1, 0, 1) }],
  },
  segmented: {
    type: 'segmented',
    term: 3,
    sequence: 5,
    id: 1,
    version: 4,
    part: 0,
    numParts: 1,
    classes: Uint8Array.of(1, 2, 3),
    problem: null,
  },
  failed: { type: 'failed', term: 3, sequence: 5, message: 'out of memory' },
  bye: { type: 'bye', term: 3, sequence: 5, reason: 'left' },
  draining: { type: 'draining', term: 3, sequence: 5, kind: 'train', version: 4, nodes: [node] },
  lease: { type: 'lease', term: 3, sequence: 5, leaseId: 7, kind: 'train', version: 4, nodes: [node, node] },
  second: {
    type: 'lease',
    term: 3,
    sequence: 5,
    leaseId: 7,
    kind: 'train',
    version: 4,
    nodes: [node],
    firstPass: { totals: [0.5, 32, 1e-9], skippedLeaves: [3] },
  },
  followed: {
    type: 'lease',
    term: 3,
    sequence: 5,
    leaseId: 7,
    kind: 'validation',
    version: 4,
    nodes: [node],
    followed: [0, 3],
  },
  segment: {
    type: 'segment',
    term: 3,
    sequence: 5,
    id: 1,
    width: 2,
    height: 2,
    part: 0,
    numParts: 1,
    bytes: Uint8Array.from({ length: 12 }, (_, i) => i),
  },
  dismissed: { type: 'dismissed', term: 3, sequence: 5, heard: 4 },
  pulse: { type: 'pulse', term: 3, sequence: 5, kind: 'train', version: 4 },
  over: { type: 'over', term: 3, sequence: 5, reason: 'done', isComplete: true },
  fileRequest: { sha256: 'a'.repeat(64), offsetBytes: 524_288 },
  filePart: { type: 'part', totalBytes: 3, bytes: Uint8Array.of(1, 2, 3) },
  fileUnknown: { type: 'unknown' },
  fileUnreadable: { type: 'unreadable', reason: 'EACCES' },
};
const shownTexts = ['name', 'reason', 'message', 'softwareVersion'];
const schemas = [joinRequest, discoverReply, joinReply, upMessage, downMessage, fileRequest, fileReply];
const decodeAny = (bytes: Uint8Array): unknown =>
  schemas.map((schema) => decode(schema as typeof joinRequest, bytes)).find((message) => message !== null);

/** Numbers that a decoder with a memory of earlier messages would take for something else. */
const good = encode({ ...messages.lease, leaseId: 0x40, version: 0x7f });
const goodText = JSON.stringify(decodeAny(good));

/** msgpack: [type byte, 32-bit length]. */
const claim = (type: number, length: number, ...rest: number[]): Buffer => {
  const bytes = Buffer.from([type, 0, 0, 0, 0, ...rest]);
  bytes.writeUInt32BE(length, 1);
  return bytes;
};
const array32 = 0xdd;

const hostileMessages = (): Seed[] =>
  [
    claim(array32, 2 ** 32 - 1),
    Buffer.concat(Array<Buffer>(50_000).fill(claim(array32, 30_000_000))),
    Buffer.concat(Array<Buffer>(50_000).fill(claim(array32, 1))),
    claim(0xdf, 2 ** 32 - 1, 0xa1, 0x61),
    claim(0xdb, 2 ** 31),
    claim(0xc6, 2 ** 31),
    claim(0xc9, 2 ** 31, 0x74),
    Buffer.alloc(200_000, 0x91),
    Buffer.alloc(200_000, 0x81),
    Buffer.from([
      0xd4, 0x72, 0x40, 0x92, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa1, 0x61, 0xa3, 0x62, 0x79, 0x65, 1,
    ]),
    Buffer.from([0xc7, 0x08, 0x78, 0x92, 0xa5, 0x28, 0x61, 0x2b, 0x29, 0x2b, 0xa0]),
    Buffer.from(encode({ ...messages.ready, name: '\u001b]0;owned\u0007'.repeat(100) })),
    Buffer.from(encode({ ...messages.result, leaves: Array(70_000).fill(leaf) })).subarray(0, 250_000),
  ].map((bytes, i) => ({ name: `hostile-${i}`, bytes }));

const runTag = runTagOf('run-1');
const key: BulkKey = { kind: 'gradient', format: 'bf16', term: 3, version: 5, level: 1, index: 2 };
const bucket = 1;
const values = Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i));

/** A frame as shared memory has it. */
function frame(): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  encodeHeader(header, runTag, {
    ...key,
    role: 'data',
    bucket,
    offsetBytes: 0,
    lengthBytes: values.length,
    totalBytes: values.length,
    checksum: crc32(values),
  });
  return Buffer.concat([header, values]);
}

/** Puts the header's checksum right, so that what its fields claim is looked at. */
function withHeaderChecksum(changed: Buffer): Buffer {
  if (changed.length >= frameHeaderBytes) changed.writeUInt32LE(crc32(changed.subarray(0, 44)), 44);
  return changed;
}

async function readFrame(input: Uint8Array, _: Seed, folder: string): Promise<void> {
  const header = decodeHeader(input, runTag);
  if (typeof header !== 'string') {
    const wrong = mismatch(header, key, bucket, values.length);
    if (wrong === null && header.offsetBytes + header.lengthBytes > values.length) {
      throw new Error('a frame beyond its bucket fits');
    }
  }
  const shared = join(folder, 'work', 'shm');
  mkdirSync(shared, { recursive: true });
  const peer = reducerPeer(3, 0);
  writeFileSync(join(shared, `${peer}-g${key.level}-${key.index}-${bucket}`), input);
  const into = new Uint8Array(values.length);
  const inbox = new ShmInbox(shared, runTag);
  try {
    await inbox.fetch(peer, key, bucket, into);
  } finally {
    await inbox.close();
  }
  // No checksum guards values in shared memory (ADR 17): who may write there may write any.
  if (
    !input.subarray(frameHeaderBytes, frameHeaderBytes + into.length).every((byte, i) => byte === into[i])
  ) {
    throw new Error('accepted with other values than are there');
  }
}

export const wireReaders: Reader[] = [
  {
    name: 'message',
    weight: 1,
    seeds: () => Object.entries(messages).map(([name, message]) => ({ name, bytes: encode(message) })),
    hostile: hostileMessages,
    read: (input) => {
      const message = decodeAny(input);
      if (JSON.stringify(decodeAny(good)) !== goodText) throw new Error('the next message reads as another');
      const texts = shownTexts.map((name) => (message as Record<string, unknown> | undefined)?.[name]);
      if (texts.some((text) => typeof text === 'string' && !isPrintable(text))) {
        throw new Error(`a text to show holds control characters: ${JSON.stringify(texts)}`);
      }
      if (message === undefined) throw new NotAMessage();
    },
    isAnswer: (error) => error instanceof NotAMessage,
  },
  {
    name: 'frame',
    weight: 1,
    seeds: () => [
      { name: 'frame', bytes: frame() },
      { name: 'checked', bytes: frame(), wrap: withHeaderChecksum },
    ],
    read: readFrame,
    isAnswer: (error) => error instanceof FetchError,
  },
];

/** decode gives null for what is no message, and never throws. */
class NotAMessage extends Error {
  constructor() {
    super('no message');
  }
}
