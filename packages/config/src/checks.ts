/**
 * What a value of each format must be, and how a wrong one is told. The sentences name what is allowed; the caller
 * puts the option and the value before them.
 */

import {
  ignoredValues,
  maxMaskValue,
  minMaskValue,
  type OptionFormat,
  type OptionSpec,
  parseMaskValues,
  UserError,
} from '@unet-fleet/law';
import { parseBrokerUrl } from '@unet-fleet/wire/transport/broker-url';
import { parseClassWeights, parseSize, parseValueRange } from './parse.ts';

type Spec = Omit<OptionSpec<string | number | boolean>, 'doc' | 'env'>;

/** "from 1 to 64", "above 0 and below 1", "1, 3 or 4": what the option takes, for help and messages. */
export function allowedText(spec: Spec): string {
  switch (spec.format) {
    case 'whole':
      return `a whole number ${rangeText(spec)}`;
    case 'number':
      return `a number ${rangeText(spec)}`;
    case 'switch':
      return 'true or false';
    case 'choice':
    case 'numberChoice':
      return listText(spec.values ?? []);
    case 'size':
      return 'WIDTHxHEIGHT, each from 1 to 16384, such as 256x192';
    case 'classWeights':
      return 'balanced, or one number per class separated by commas';
    case 'maskValues':
      return 'auto, as-is, or the values of the classes in their order, such as 0,255 or 0..20,255';
    case 'ignoredValues':
      return `a whole number from ${minMaskValue} to ${maxMaskValue}, or several, such as 0,255`;
    case 'valueRange':
      return 'auto, type, or LOW..HIGH, such as 0..4095';
    case 'url':
      return 'nats://host:port or tls://host:port, with an IPv6 address in brackets and without a zone, and a user, password or token percent-encoded';
    case 'text':
      return 'text';
  }
}

function rangeText({ min = 0, max = 0, aboveMin, belowMax }: Spec): string {
  if (!aboveMin && !belowMax) return `from ${min} to ${max}`;
  return `${aboveMin ? 'above' : 'of at least'} ${min} and ${belowMax ? 'below' : 'at most'} ${max}`;
}

function listText(values: readonly unknown[]): string {
  const last = values.at(-1);
  return values.length < 2 ? String(last) : `${values.slice(0, -1).join(', ')} or ${last}`;
}

const inRange = (value: number, { min = 0, max = 0, aboveMin, belowMax }: Spec): boolean =>
  (aboveMin ? value > min : value >= min) && (belowMax ? value < max : value <= max);

const parses = <T>(parse: (text: T) => unknown, value: T): boolean => {
  try {
    parse(value);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
};

function isAllowed(spec: Spec, value: unknown): boolean {
  switch (spec.format) {
    case 'whole':
      return Number.isInteger(value) && inRange(value as number, spec);
    case 'number':
      return Number.isFinite(value) && inRange(value as number, spec);
    case 'switch':
      return typeof value === 'boolean';
    case 'choice':
    case 'numberChoice':
      return (spec.values ?? []).includes(value as string);
    case 'size':
      return typeof value === 'string' && parses(parseSize, value);
    case 'classWeights':
      return typeof value === 'string' && parses(parseClassWeights, value);
    case 'maskValues':
      return typeof value === 'string' && parses(parseMaskValues, value);
    case 'ignoredValues':
      return parses(ignoredValues, value as number | string);
    case 'valueRange':
      return typeof value === 'string' && parses(parseValueRange, value);
    case 'url':
      return typeof value === 'string' && (value === '' || parses(parseBrokerUrl, value));
    case 'text':
      return typeof value === 'string';
  }
}

/** What is wrong with a value, as the end of a sentence that names option and value; null when it is allowed. */
export function problemOf(option: Spec, value: unknown): string | null {
  if (isAllowed(option, value)) return null;
  const quotes = option.format === 'text' ? ' (in quotes, in a config file)' : '';
  const remedy = option.remedy ? `: ${option.remedy}` : '';
  return `it must be ${allowedText(option)}${quotes}${remedy}`;
}

/** Text of a flag, variable or file as the format's type; text that is none stays text, for the check to show. */
export function coerceText(format: OptionFormat, text: string): unknown {
  // One value is a number, as in configs from before there were lists of them.
  if (['whole', 'number', 'numberChoice', 'ignoredValues'].includes(format)) {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    return Number.isNaN(value) ? text : value;
  }
  if (format === 'switch') {
    const lower = text.toLowerCase();
    if (lower === 'true' || lower === '1') return true;
    if (lower === 'false' || lower === '0') return false;
  }
  return text;
}
