/** The one place that turns whatever was thrown into what a person reads and the exit code. */

import { didYouMean, unknownOption } from '@unet-fleet/config';
import { exitCodes, UserError } from '@unet-fleet/law';
import { explained } from '@unet-fleet/shared';
import { CommanderError } from 'commander';

export interface ErrorReport {
  /** For stderr; '' for nothing to say. */
  text: string;
  exitCode: number;
}

/** What there is to be meant: flags of the command that was called, and commands. */
export interface Known {
  flags: readonly string[];
  commands: readonly string[];
}

export function errorReport(error: unknown, known: Known): ErrorReport {
  const told = explained(error);
  if (told instanceof UserError) return sentence(told.message, told.exitCode);
  if (error instanceof CommanderError) return commanderReport(error, known);
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const text = `unet-fleet: this is a bug in unet-fleet; please report it with the lines below and the command you ran\n${stack}`;
  return { text, exitCode: exitCodes.internal };
}

const sentence = (message: string, exitCode: number): ErrorReport => ({
  text: `unet-fleet: ${message.replaceAll('\n', ' ')}`,
  exitCode,
});

function commanderReport(error: CommanderError, { flags, commands }: Known): ErrorReport {
  // Help and version were asked for and are printed already; a command without arguments printed its help as well.
  if (error.exitCode === 0) return { text: '', exitCode: exitCodes.ok };
  if (error.code === 'commander.help') return { text: '', exitCode: exitCodes.usage };
  const message = error.message.replace(/^error: /, '').replace(/\.$/, '');
  if (error.code === 'commander.unknownOption') {
    const flag = /'([^'=]+)/.exec(message)?.[1] ?? '';
    return sentence(unknownOption(flag, flags).message, exitCodes.usage);
  }
  if (error.code === 'commander.unknownCommand') {
    const name = /'([^']+)'/.exec(message)?.[1] ?? '';
    return sentence(
      `unknown command ${name}${didYouMean(name, commands) || '; --help lists them'}`,
      exitCodes.usage,
    );
  }
  return sentence(`${message}; --help shows how it is called`, exitCodes.usage);
}
