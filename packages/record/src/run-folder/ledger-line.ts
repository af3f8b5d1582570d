/**
 * A line of ledger.jsonl, and the check that it must pass before anything looks at it. Fields that a later version
 * adds are passed over; docs/ledger.md says what each means.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

const count = z.number().int().nonnegative().max(0xffffffff);
const text = z.string().max(10_000);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const node = z.object({ level: count.max(32), index: count });
const leaves = z.array(count).max(65_536);

const leafSums = z.object({
  lossSum: z.number(),
  weightSum: z.number(),
  gradientNorm: z.number(),
  isFinite: z.boolean(),
  isRetried: z.boolean().optional(),
});

export const ledgerLine = z.object({
  /** 1: of before there were keys; then a bucket's digest is the SHA-256 of its values. */
  version: z.union([z.literal(1), z.literal(2)]),
  /** ISO 8601, UTC: when the step was committed. */
  at: text,
  term: count,
  /** Steps and epochs count from 1. */
  step: count.min(1),
  epoch: count.min(1),
  stepInEpoch: count.min(1),
  numLeaves: count.min(1).max(65_536),
  durationMs: z.number(),
  learningRate: z.number(),
  /** A person changed the rate with this step, or gave the run options anew. */
  intervention: z
    .object({
      step: count.min(1),
      learningRate: z.number().optional(),
      options: z.record(text, z.number()).optional(),
      previousRate: z.number().nullable(),
      at: text,
      by: text,
    })
    .optional(),
  lossSum: z.number(),
  weightSum: z.number(),
  /** Of the mean gradient, before clipping. */
  gradientNorm: z.number(),
  /** Under which answers are hashed. */
  hashKey: sha256.optional(),
  /** Of the root of the reduction tree. */
  gradientSha256: sha256,
  /** Of the ids of the step's samples in leaf order. */
  samplesSha256: sha256,
  /** Of gradients and statistics that the reducers fetched. */
  numBytes: z.number().nonnegative(),
  /** Of a loss of two passes: the first, whose answers are of one leaf each. */
  firstPass: z
    .object({
      totalsSha256: sha256,
      skippedLeaves: leaves,
      answers: z
        .array(
          z.object({
            leaf: count,
            worker: text,
            workerId: text,
            arrivedMs: z.number(),
            /** Of its part of the totals; null where that was not finite. */
            sha256: sha256.nullable(),
          }),
        )
        .max(65_536),
    })
    .optional(),
  /** The answers that counted, in the order of their leaves. */
  answers: z
    .array(
      z.object({
        node,
        worker: text,
        workerId: text,
        /** Since the step began. */
        arrivedMs: z.number(),
        /** As delivered; null when parts of it came from elsewhere (`parts`). */
        sha256: sha256.nullable(),
        numBytes: z.number().nonnegative(),
        /** Workers whose earlier answer for the same node was used in part. */
        alsoFrom: z.array(text).max(65_536),
        /** Of each leaf, in leaf order. */
        leaves: z.array(leafSums).max(65_536),
      }),
    )
    .max(65_536),
  /** Nodes of which only a part could be fetched and was used. */
  parts: z.array(z.object({ node, from: z.array(text).max(65_536) })).max(65_536),
  skippedLeaves: leaves,
  rejected: z.array(z.object({ worker: text, reason: text, count })).max(65_536),
  /** Leaves that were leased again, from whom, and why. */
  repeated: z.array(z.object({ leaves, worker: text, reason: text })).max(65_536),
});

export type LedgerLine = z.infer<typeof ledgerLine>;
/** Of numbers as little-endian float64. */
export const numbersSha256 = (numbers: readonly number[]): string =>
  createHash('sha256')
    .update(new Uint8Array(Float64Array.from(numbers).buffer))
    .digest('hex');

export type LedgerAnswer = LedgerLine['answers'][number];
