/**
 * How a worker without the data folder gets a file from the coordinator: it asks for content by its hash, part by part,
 * on the subject of the coordinator's file server, and is answered on its own inbox. Names never cross the wire, so
 * nothing outside the run's data can be asked for, and what comes is used only if it has the hash that was asked for.
 */

import { printable } from '@unet-fleet/law';
import { z } from 'zod';
import { chunkBytes, leastChunkBytes } from '../transport/frame.ts';
import { coordinatorIdentity, peerOf } from './subjects.ts';

/** Bytes of one part, at most: as much as fits into a message of the coordinator's broker. */
export const filePartBytes = chunkBytes;
/** Bytes of one part, at least, but for the last. */
export const leastFilePartBytes = leastChunkBytes;

/** Peer that serves the files of a run under one term. */
export const filesPeer = (term: number): string => peerOf(coordinatorIdentity, `t${term}-files`);

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const offset = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

export const fileRequest = z.object({ sha256, offsetBytes: offset });

export const fileReply = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('part'),
    totalBytes: offset,
    bytes: z.custom<Uint8Array>((value) => value instanceof Uint8Array),
  }),
  /** The run has no file with this hash. */
  z.object({ type: z.literal('unknown') }),
  /** The coordinator can't read it: the sentence is for the person who runs the worker. */
  z.object({
    type: z.literal('unreadable'),
    reason: z
      .string()
      .max(2_000)
      .transform((value) => printable(value, 2_000)),
  }),
]);
export type FileReply = z.infer<typeof fileReply>;
