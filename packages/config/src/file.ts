/**
 * Reads a config file, JSON or YAML (which JSON is a part of), into plain values; load.ts checks what they are. The
 * parser is recursive, follows aliases and takes quadratic time, so a text that is nested deeper than any
 * config, uses aliases, or has thousands of keys is refused.
 */
import { createRequire } from 'node:module';
import { UserError } from '@unet-fleet/law';
import { errnoOf, explained, readBounded } from '@unet-fleet/shared';

/** Loaded when there is a file to read: it is a large part of what a process would load to begin with. */
const yaml = () => createRequire(import.meta.url)('yaml') as typeof import('yaml');

/** A config of all options has some kilobytes. */
const maxFileBytes = 2 ** 18;
/** The parser takes quadratic time over keys and over faults. There are some hundred options; comments have marks too. */
const maxMarks = 4_000;
const marks = /[:,"'[\]{}&*!]/;
/** Groups of options, and a list in one of them. */
const maxNesting = 32;
/** Lists within lists on one line, whose brackets are left out; and what is indented further than any config. */
const nestedBlocks = /(?:[-?:][ \t]+){32}|^[ \t]{256}/m;

export interface ConfigFile {
  /** As messages call it. */
  name: string;
  values: unknown;
}

/** Throws a UserError when the file is not there, can't be read, or is neither JSON nor YAML. */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readBounded(path, maxFileBytes).toString('utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT')
      throw new UserError(`there is no config file ${path}: check the path given to --config`);
    if (errnoOf(error) === 'EISDIR')
      throw new UserError(`${path} is a folder: --config takes a JSON or YAML file`);
    throw explained(error, { path, instead: 'or check the path given to --config' });
  }
  if (isNestedDeeply(text)) {
    throw new UserError(
      `config file ${path} is nested more deeply than groups of options: check its brackets`,
    );
  }
  if (text.split(marks, maxMarks + 1).length > maxMarks) {
    throw new UserError(
      `config file ${path} has more entries than there are options: check that it is the right one`,
    );
  }
  try {
    return { name: path, values: yaml().parse(text, { maxAliasCount: 0, logLevel: 'error' }) ?? {} };
  } catch (error) {
    // What the library throws for an alias, once it is found or not found.
    if (error instanceof ReferenceError) {
      throw new UserError(
        `config file ${path} uses aliases (*name), which are not read: write the values out`,
      );
    }
    if (!(error instanceof yaml().YAMLParseError)) throw error;
    const line = error.linePos?.[0].line;
    const reason = error.message.split('\n')[0]?.replace(/( at line \d+, column \d+)?:?$/, '');
    throw new UserError(
      `config file ${path} is neither JSON nor YAML${line ? `, see line ${line}` : ''}: ${reason}`,
    );
  }
}

/** Brackets are counted wherever they stand: no path or comment opens this many without closing them. */
function isNestedDeeply(text: string): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[{\]}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    if (depth > maxNesting) return true;
  }
  return nestedBlocks.test(text);
}
