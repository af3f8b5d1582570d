/**
 * The control plane: small messages, each with a schema that a received one must pass before anything looks at it.
 * Changing one means raising protocolVersion: peers of another version are refused by name.
 *
 * Each message has a number, which rises with every one that its sender's process says, whatever its kind and whom it
 * is for. Whoever hears it takes rising numbers alone. So a message is heard once, in the order in which it was sent,
 * or never: a late, doubled or overtaken one counts as lost, which every exchange here survives.
 */

import type { Version } from '@unet-fleet/law';
import { lossNames, maxTotals, precisions, printable, roundKinds, wireNames } from '@unet-fleet/law';
import { Packr } from 'msgpackr';
import { z } from 'zod';
import { isBoundedMsgpack } from './bounded-msgpack.ts';
import { modelSchema } from './model-schema.ts';
import { isPeer, safeId } from './subjects.ts';

export const protocolVersion = 11;

/** Of a run, in all of their processes. */
export const maxReducers = 4_096;

const id = z.string().regex(safeId);
const text = z.string().max(2_000);
/** What a peer says for people to read: no receiver shows or logs it as it came. */
const shown = text.transform((value) => printable(value, 2_000));
const count = z.number().int().nonnegative().max(0xffffffff);
const node = z.object({ level: count.max(32), index: count });
const kind = z.enum(roundKinds);
const sequence = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** All that can change the bits of a leaf's result beside weights and samples. Records of versions before lack some. */
export const fingerprintSchema = z.object({
  /** Library and version, such as "tensorflow 2.21.0". */
  library: shown,
  /** Processor or GPU whose kernels compute, such as "cpu AuthenticAMD 25/1 avx2". */
  device: shown,
  intraOpThreads: count,
  /** What decodes photos, such as "sharp 0.35.5, libvips 8.18.7, x64 avx2". */
  decoder: shown.optional(),
  /** Variables of the environment that change the kernels; empty for none. */
  settings: shown.optional(),
  /** What convolutions are computed in; there was float32 alone before it was told. */
  precision: z.enum(precisions).default('float32'),
});

/** Asks what runs there are on the broker; answered by every coordinator. */
export const discoverReply = z.object({ runId: id, numWorkers: count });

export const joinRequest = z.object({
  name: shown,
  protocolVersion: count,
  softwareVersion: shown,
});

/** All that a worker needs to know to compute leaves of the run. */
export const welcome = z.object({
  type: z.literal('welcome'),
  runId: id,
  term: count,
  /** Of the run's config; its paths are those of the coordinator's host. */
  data: z.object({
    images: text,
    masks: text,
    pack: text,
    imageSuffix: text,
    maskSuffix: text,
    matVariable: text,
    palette: text,
    classNames: text,
    numClasses: count,
    maskValues: z.string().max(2 ** 19),
    maskThreshold: z.number(),
    size: text,
    scale: z.number(),
    channels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
    valueRange: text,
    orientation: z.enum(['auto', 'photo', 'stored']),
    ignoreIndex: z.union([z.number().int(), text]),
    unpaired: z.enum(['warn', 'stop']),
    wrongMasks: z.enum(['stop', 'skip']),
    followLinks: z.boolean(),
    maxPixels: count,
    split: z.enum(['auto', 'random']),
    trainList: text,
    valList: text,
    validationShare: z.number(),
  }),
  model: modelSchema,
  plan: z.object({
    numTrainSamples: count,
    numValidationSamples: count,
    batchSize: count,
    leafSize: count,
    epochs: count,
    seed: count,
  }),
  device: z.enum(['auto', 'cpu', 'gpu']),
  intraOpThreads: count,
  precision: z.enum(precisions),
  /** A leaf that is not finite in bf16 is computed again in float32. */
  retriesInFloat32: z.boolean(),
  loss: z.enum(lossNames),
  ignoreIndex: z.number().int(),
  /** One per class; null for all 1. */
  classWeights: z.array(z.number()).max(65_536).nullable(),
  /** The reducers as peers, in their order: bucket b is that of reducer b mod their number. */
  reducers: z.array(z.string().refine(isPeer)).min(1).max(maxReducers),
  /** How gradients and weights travel. */
  wire: z.enum(wireNames),
  /** Folder on tmpfs for workers of the coordinator's host, where they find the token. '' for none. */
  sharedMemoryFolder: text,
  sharedMemoryToken: text,
  /** Of the listing of the data, which the coordinator's file server has like the files in it. */
  listingSha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Welcome = z.infer<typeof welcome>;

const refusal = z.object({ type: z.literal('refusal'), reason: shown });
export const joinReply = z.discriminatedUnion('type', [welcome, refusal]);

const timings = z.object({
  fetchMs: z.number(),
  dataMs: z.number(),
  computeMs: z.number(),
  sendMs: z.number(),
});
export type WorkerTimings = z.infer<typeof timings>;

/** Bytes as they are; the receiver keeps a copy, as these lie in the message. */
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const side = count.min(1).max(65_536);
const sizeBytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** Validation photos whose predictions a run keeps, at most. */
export const maxFollowed = 12;
/** Of one part of a photo on its way to a worker, or of its classes back. */
export const maxPartBytes = 256 * 1024;
/** Parts of one photo, at most. */
export const maxParts = 64;

/** What a worker's process takes of its machine. */
export const telemetry = z.object({
  host: shown,
  pid: count,
  residentBytes: sizeBytes,
  /** null where no driver tells. */
  gpu: z
    .object({ utilization: z.number().min(0).max(1), memoryBytes: sizeBytes, memoryTotalBytes: sizeBytes })
    .nullable(),
});
export type Telemetry = z.infer<typeof telemetry>;

/** Sums are 0 where the leaf's loss or gradient was not finite. */
const leafSums = z.object({
  lossSum: z.number(),
  weightSum: z.number(),
  /** L2 norm of the leaf's gradient sum, in float64; 0 where there is none. */
  gradientNorm: z.number().nonnegative(),
  isFinite: z.boolean(),
  /** Was not finite in bf16: this is of float32. */
  isRetried: z.boolean().optional(),
  /** The leaf's part of the totals of a loss that has them; absent where the round adds gradients. */
  addends: z.array(z.number()).max(maxTotals).optional(),
});

/** Of the weights that a round is computed with. */
const version: z.ZodType<Version> = count;

const fromWorker = z.object({ term: count, sequence });
export const upMessage = z.discriminatedUnion('type', [
  fromWorker.extend({
    type: z.literal('ready'),
    name: shown,
    fingerprint: fingerprintSchema,
    numSamples: count,
    manifestSha256: z.string().regex(/^[0-9a-f]{64}$/),
    sharesMemory: z.boolean(),
  }),
  /** `isComputing`: it works on a leaf, be it of that lease or of one that is over. */
  fromWorker.extend({
    type: z.literal('heartbeat'),
    leaseId: count,
    isComputing: z.boolean(),
    telemetry: telemetry.optional(),
  }),
  fromWorker.extend({
    type: z.literal('result'),
    kind,
    version,
    node,
    /** Of each of the node's leaves, in leaf order. */
    leaves: z.array(leafSums).max(65_536),
    confusion: z.object({ indices: z.array(count), counts: z.array(count) }).nullable(),
    timings,
    /**
     * Validation only: the predicted classes of the followed samples of the leaf, deflated; one byte a pixel up to 256
     * classes, else two, little-endian. No bytes where they would not fit into a message.
     */
    pictures: z
      .array(z.object({ sample: count, classes: bytes }))
      .max(maxFollowed)
      .optional(),
  }),
  /** The worker can't compute: the sentence is for the person who runs it. */
  fromWorker.extend({ type: z.literal('failed'), message: shown }),
  fromWorker.extend({ type: z.literal('bye'), reason: shown }),
  /**
   * The worker was asked to leave: these nodes of the round are on their way, the rest of its lease is handed back.
   * Answered by `released` once they are fetched.
   */
  fromWorker.extend({
    type: z.literal('draining'),
    kind,
    version,
    nodes: z.array(node).max(65_536),
  }),
  /**
   * A part of the answer to `segment`: classes as in `pictures`, and the version of the weights. With a `problem` there
   * is no other part.
   */
  fromWorker.extend({
    type: z.literal('segmented'),
    id: count,
    version,
    part: count.max(maxParts - 1),
    numParts: count.min(1).max(maxParts),
    classes: bytes,
    problem: shown.nullable(),
  }),
]);
export type UpMessage = z.infer<typeof upMessage>;

const fromCoordinator = z.object({ term: count, sequence });
export const downMessage = z.discriminatedUnion('type', [
  fromCoordinator.extend({
    type: z.literal('lease'),
    leaseId: count,
    kind,
    version,
    nodes: z.array(node).max(65_536),
    /** With the gradients of a loss of two passes only: what the first has come to. */
    firstPass: z
      .object({ totals: z.array(z.number()).max(maxTotals), skippedLeaves: z.array(count).max(65_536) })
      .optional(),
    /** Validation only: places of the followed samples in the split, whose predictions are wanted with the result. */
    followed: z.array(count).max(maxFollowed).optional(),
  }),
  /**
   * A part of a photo to segment with the weights that are there, between two leaves: HWC, bytes or float32 as the
   * run's photos are. Answered by `segmented`. A worker takes one at a time; another id replaces the one before.
   */
  fromCoordinator.extend({
    type: z.literal('segment'),
    id: count,
    width: side,
    height: side,
    part: count.max(maxParts - 1),
    numParts: count.min(1).max(maxParts),
    bytes,
  }),
  /**
   * Join again: the coordinator does not know this worker (any more). `heard`: the number of the newest message that it
   * had of it; a worker that has said since then that it is ready is not meant.
   */
  fromCoordinator.extend({ type: z.literal('dismissed'), heard: sequence }),
  fromCoordinator.extend({ type: z.literal('refusal'), reason: shown }),
  /** Nothing more is wanted of this node's result: it need not be sent again, nor its gradient be kept. */
  fromCoordinator.extend({ type: z.literal('settled'), kind, version, node }),
  /** Hand over what is finished and leave: what a signal to the worker's process does. Answered by `draining`. */
  fromCoordinator.extend({ type: z.literal('drain') }),
  /** To a draining worker: nothing of it is awaited any more. */
  fromCoordinator.extend({ type: z.literal('released') }),
  /** To all: the round that is on. Silence means that the coordinator is gone. */
  fromCoordinator.extend({ type: z.literal('pulse'), kind, version }),
  /** To all: this start of the run is over. `isComplete`: there will be no other. */
  fromCoordinator.extend({ type: z.literal('over'), reason: shown, isComplete: z.boolean() }),
]);
export type DownMessage = z.infer<typeof downMessage>;

/** A message without what its sender adds as it is sent; of each kind of a union. */
export type Unsent<M> = M extends { term: number; sequence: number } ? Omit<M, 'term' | 'sequence'> : never;

const packr = new Packr({ useRecords: false, int64AsType: 'number' });

export const encode = (message: unknown): Uint8Array => packr.pack(message);

/** The message, or null when the bytes are not one. Never throws. `maxBytes`: of what came in pieces. */
export function decode<T>(schema: z.ZodType<T>, bytes: Uint8Array, maxBytes?: number): T | null {
  if (!isBoundedMsgpack(bytes, maxBytes)) return null;
  try {
    return schema.safeParse(packr.unpack(bytes)).data ?? null;
  } catch {
    return null;
  }
}
