/**
 * What a manifest must be before anything looks at it. Its hash says that it is what was written; only this says that
 * whoever wrote it was unet-fleet, and no later version.
 */

import { problemOf } from '@unet-fleet/config';
import {
  type ChangedOptions,
  type Config,
  configOptions,
  configSchema,
  type ScheduleState,
  type StateFields,
  scheduleNames,
  schedules,
} from '@unet-fleet/law';
import { fingerprintSchema } from '@unet-fleet/wire/protocol/messages';
import { modelSchema } from '@unet-fleet/wire/protocol/model-schema';
import { z } from 'zod';
import { files, formatVersion, type Manifest } from './manifest.ts';

const count = z.number().int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const text = z.string().max(4_096);
const fileFacts = z.object({ sizeBytes: count, sha256 });
const loss = z.number();

const stateFields = {
  number: z.number(),
  'number-or-null': z.number().nullable(),
  count,
  'positive-count': count.min(1),
} satisfies Record<StateFields[string], z.ZodType>;

/** As the schedules' rules declare their states; a rate that somebody set scales some of them. */
const states = scheduleNames.map((name) => {
  const { fields, rateByHand }: { fields: StateFields; rateByHand: string } = schedules[name];
  return z.object({
    name: z.literal(name),
    rate: z.number(),
    ...Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, stateFields[field]])),
    ...(rateByHand === 'scales' && { scale: z.object({ from: z.number(), to: z.number() }).optional() }),
  });
});
const schedule = z
  .discriminatedUnion('name', states as [(typeof states)[0], ...typeof states])
  .transform((state) => state as unknown as ScheduleState);

/** Of what a run was given anew. */
const changedOptions = z
  .object(
    Object.fromEntries(
      configOptions
        .filter(({ changeable }) => changeable)
        .map(({ key, format }) => [key, format === 'whole' ? count : z.number()]),
    ) as Record<keyof ChangedOptions, z.ZodNumber>,
  )
  .partial();

/** Each option that is there must be allowed; one that a version before did not have is absent. */
export const storedConfig = z.looseObject({}).superRefine((value, context) => {
  for (const option of configOptions) {
    const group = value[option.group];
    if (typeof group !== 'object' || group === null) {
      context.addIssue({ code: 'custom', path: [option.group], message: 'is missing' });
      return;
    }
    const given = (group as Record<string, unknown>)[option.key];
    const problem = given === undefined ? null : problemOf(option, given);
    if (problem !== null) context.addIssue({ code: 'custom', path: [option.path], message: problem });
  }
});

const manifest = z
  .object({
    formatVersion: z.literal(formatVersion),
    step: count,
    runId: text,
    term: count,
    progress: z.object({
      version: count,
      validationPending: z.boolean(),
      schedule,
      earlyStopping: z.object({ patience: count, best: loss.nullable(), numBadValidations: count }),
      best: z
        .object({ step: count, loss, meanIou: z.number(), numSkippedLeaves: count.optional() })
        .nullable(),
      interventions: z
        .array(
          z.object({
            step: count.min(1),
            learningRate: z.number().positive().optional(),
            options: changedOptions.optional(),
          }),
        )
        .max(100_000)
        .optional(),
    }),
    epoch: count,
    stepInEpoch: count,
    config: storedConfig,
    model: modelSchema,
    classNames: z.array(text).max(65_536),
    identitySha256: text,
    dataSha256: text,
    engines: z.array(fingerprintSchema).max(65_536),
    numBatchesTracked: count,
    slots: z.array(text).max(16),
    weightsSha256: sha256,
    files: z.object({ [files.model]: fileFacts, [files.optimizer]: fileFacts }),
  })
  .refine(({ step, progress }) => step === progress.version, { message: 'two steps', path: ['step'] });

/** Throws an Error that says what is wrong with it. */
export function parseManifest(bytes: Uint8Array): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new Error(`${files.manifest} is no JSON`);
  }
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (Number.isSafeInteger(version) && version !== formatVersion) {
    throw new Error(`it has format ${version}, and this version of unet-fleet reads format ${formatVersion}`);
  }
  const parsed = manifest.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(
      `${files.manifest} makes no sense at ${issue!.path.join('.') || 'its top'}: ${issue!.message}`,
    );
  }
  const { config: options, ...facts } = parsed.data;
  return { ...facts, config: withDefaults(options) };
}

/** Options that a version before did not have, at what changes nothing. */
export function withDefaults(options: Record<string, unknown>): Config {
  const whole = { ...options } as Record<string, Record<string, unknown>>;
  for (const group of Object.keys(configSchema)) whole[group] = { ...whole[group] };
  for (const { group, key, before, default: value } of configOptions) whole[group]![key] ??= before ?? value;
  return whole as unknown as Config;
}
