/** Every schedule. A new one is a file here and a line below. */
import type { ChangeableKeys, RegistryValues } from '../config/entry-options.ts';
import { constant } from './constant.ts';
import { cosine } from './cosine.ts';
import { plateau } from './plateau.ts';
import { step } from './step.ts';

export const schedules = { plateau, constant, step, cosine } as const;

export type ScheduleName = keyof typeof schedules;

export const scheduleNames = Object.keys(schedules) as ScheduleName[];

/** The options of all of them; each reads its own. */
export type ScheduleOptions = RegistryValues<typeof schedules>;

/** Those that a run which has begun may be given anew. */
export type ChangeableScheduleOption = ChangeableKeys<typeof schedules>;
