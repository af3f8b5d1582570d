/** Options of a check command: what is wrong with them is one sentence and exit code 2, as with every other command. */
import { type ParseArgsConfig, parseArgs as parse } from 'node:util';
import { exitCodes } from '@unet-fleet/law';

/** As node:util's. */
export function parseArgs<T extends ParseArgsConfig>(config: T): ReturnType<typeof parse<T>> {
  try {
    return parse(config);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!code.startsWith('ERR_PARSE_ARGS')) throw error;
    process.stderr.write(`${message.split('. ')[0]} (--help lists the options)\n`);
    process.exit(exitCodes.usage);
  }
}
