/** Reads a config file, JSON or YAML (which JSON is a part of), into plain values; load.ts checks what they are. */
import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import { UserError } from '../errors.ts';

export interface ConfigFile {
  /** As messages call it. */
  name: string;
  values: unknown;
}

/** Throws a UserError when the file is not there, can't be read, or is neither JSON nor YAML. */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new UserError(`there is no config file ${path}: check the path given to --config`);
    if (code === 'EISDIR') throw new UserError(`${path} is a folder: --config takes a JSON or YAML file`);
    throw new UserError(`cannot read config file ${path} (${message}): check the permissions`);
  }
  try {
    return { name: path, values: parse(text) ?? {} };
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    const line = error.linePos?.[0].line;
    const reason = error.message.split('\n')[0]?.replace(/( at line \d+, column \d+)?:?$/, '');
    throw new UserError(
      `config file ${path} is neither JSON nor YAML${line ? `, see line ${line}` : ''}: ${reason}`,
    );
  }
}
