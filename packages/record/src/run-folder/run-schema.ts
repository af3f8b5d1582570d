/**
 * What the facts of a run must be before anything looks at them: people edit these files, copy half of them, and keep
 * those of older versions.
 */
import type { Config, ModelConfig } from '@unet-fleet/law';
import { modelSchema } from '@unet-fleet/wire/protocol/model-schema';
import { z } from 'zod';
import { storedConfig, withDefaults } from '../checkpoint/manifest-schema.ts';

export interface RunRecord {
  formatVersion: 1;
  runId: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  identitySha256: string;
  /** Of the scanned data set: ids, and the contents of photos and masks. */
  dataSha256: string;
  /** Intra-op threads of every worker, for the life of the run: they change the bits. */
  engineThreads: number;
  model: ModelConfig;
  classNames: string[];
  /** Of unet-fleet, Node and the like, when the run was made. */
  versions: Record<string, string>;
}

export interface Split {
  train: string[];
  validation: string[];
}

const text = z.string().max(4_096);
const ids = z.array(text).max(2 ** 24);

const record = z.object({
  formatVersion: z.literal(1),
  runId: text,
  createdAt: text,
  identitySha256: text,
  dataSha256: text,
  engineThreads: z.number().int().nonnegative().max(65_536),
  model: modelSchema,
  classNames: z.array(text).max(65_536),
  versions: z.record(text, text),
});

const split = z.object({ train: ids, validation: ids });

/** Each gives the facts, or an Error that says what is wrong with them. */
export const parseRecord = (value: unknown): RunRecord => parsed(record, value) as RunRecord;
export const parseSplit = (value: unknown): Split => parsed(split, value);
export const parseConfig = (value: unknown): Config => withDefaults(parsed(storedConfig, value));

function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`at ${issue!.path.join('.') || 'its top'}: ${issue!.message}`);
}
