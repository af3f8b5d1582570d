/** Reads the values of options that are a command's own, not the schema's. */
import { UserError } from '@unet-fleet/law';

/** A parser for commander: a whole number from `min` to `max`, or a UserError that says so. */
export const wholeArgument =
  (flag: string, min: number, max: number) =>
  (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new UserError(`${flag} ${text} is not allowed: it must be a whole number from ${min} to ${max}`);
  };
