/** What options of one kind have alike, said once: an entry of the schema, or of a registry, adds what is its own. */
import type { OptionSpec } from './option-spec.ts';

type Rest<T> = Partial<Omit<OptionSpec<T>, 'doc' | 'env' | 'format'>>;

export const text = (doc: string, rest: Rest<string> = {}) =>
  ({ doc, format: 'text', default: '', ...rest }) as const;
export const path = (doc: string) => text(doc, { isPath: true });
export const onOff = (doc: string, byDefault: boolean) =>
  ({ doc, format: 'switch', default: byDefault }) as const;
/** One of the values; the first is the default where `rest` gives no other. */
export const choice = <const T extends string>(values: readonly T[], doc: string, rest: Rest<T> = {}) =>
  ({ doc, format: 'choice', values, default: values[0]!, ...rest }) as const;
/** A whole number from `min` to `max`. */
export const whole = (min: number, max: number, unit?: string) =>
  ({ format: 'whole', min, max, ...(unit && { unit }) }) as const;
/** A number from `min` to `max`. */
export const real = (min: number, max: number, unit?: string) =>
  ({ format: 'number', min, max, ...(unit && { unit }) }) as const;
/** A number above `min`, and at most `max`. */
export const above = (min: number, max: number, unit?: string) =>
  ({ ...real(min, max, unit), aboveMin: true }) as const;
/** A number above `min` and below `max`. */
export const between = (min: number, max: number, unit?: string) =>
  ({ ...above(min, max, unit), belowMax: true }) as const;
