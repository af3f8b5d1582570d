/**
 * What coordinator and reducers' processes say to each other beside their calls. A process is found and taken by words
 * that may be lost and said again: the coordinator wants reducers, a process offers itself, and is taken with all that it
 * has to know. From then on there are packets alone, which a Dialogue makes whole, in order and once.
 */

import { printable } from '@unet-fleet/law';
import { z } from 'zod';
import { maxReducers } from './messages.ts';
import { safeId } from './subjects.ts';

const count = z.number().int().nonnegative().max(0xffffffff);
const shown = z
  .string()
  .max(2_000)
  .transform((value) => printable(value, 2_000));
const path = z.string().max(2_000);
/** Bytes as they are; the receiver keeps a copy, as these lie in the message. */
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/** A piece of what one end says to the other, or, with number 0, no more than that it is there. */
export const packet = z.object({
  type: z.literal('packet'),
  term: count,
  /** From 1, rising by one. */
  number: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  /** The highest number up to which all of the other end's have come. */
  acknowledged: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  /** Whether it ends what the packets before began. */
  isLast: z.boolean(),
  bytes,
});
export type Packet = z.infer<typeof packet>;

/** To every reducer's process, while reducers are sought. */
export const wanted = z.object({
  type: z.literal('wanted'),
  term: count,
  /** Folder on tmpfs for processes of the coordinator's host, where they find the token. '' for none. */
  sharedMemoryFolder: path,
  sharedMemoryToken: path,
});
export type Wanted = z.infer<typeof wanted>;

/** What makes a value of a config, whichever option it is of: both ends are of one version. */
const optionValues = z.record(z.string().max(64), z.union([z.number(), z.boolean(), z.string().max(2_000)]));

export const reducerDown = z.discriminatedUnion('type', [
  packet,
  /** The process is taken: it has these reducers of the run. */
  z.object({
    type: z.literal('taken'),
    term: count,
    runId: z.string().regex(safeId),
    /** Of the run's reducers, the first of this process; the others follow. */
    firstReducer: count,
    numReducers: count.min(1).max(maxReducers),
    numParameters: count,
    numStatistics: count,
    train: optionValues,
    usesSharedMemory: z.boolean(),
    /** See the reducer's options. */
    hashSecret: bytes,
  }),
  z.object({ type: z.literal('refusal'), term: count, reason: shown }),
]);
export type ReducerDown = z.infer<typeof reducerDown>;
export type Taken = Extract<ReducerDown, { type: 'taken' }>;

export const reducerUp = z.discriminatedUnion('type', [
  packet,
  /** The answer to `wanted`. */
  z.object({
    type: z.literal('offer'),
    term: count,
    name: shown,
    protocolVersion: count,
    softwareVersion: shown,
    /** Reducers that it will have. */
    numThreads: count.min(1).max(256),
    sharesMemory: z.boolean(),
  }),
  /** The process ends, or has no reducers of this term any more. */
  z.object({ type: z.literal('bye'), term: count, reason: shown }),
]);
export type ReducerUp = z.infer<typeof reducerUp>;
export type Offer = Extract<ReducerUp, { type: 'offer' }>;
