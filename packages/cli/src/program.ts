/** The command line: which commands there are. Each is in a file of its own and calls one package's function. */
import { Command } from 'commander';
import { configCommand } from './commands/config.ts';
import { credentialsCommand } from './commands/credentials.ts';
import { csvCommand } from './commands/csv.ts';
import { dashboardCommand } from './commands/dashboard.ts';
import { deployCommand } from './commands/deploy.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { inspectCommand } from './commands/inspect.ts';
import { ledgerCommand } from './commands/ledger.ts';
import { packCommand } from './commands/pack.ts';
import { predictCommand } from './commands/predict.ts';
import { quickstartCommand } from './commands/quickstart.ts';
import { replayCommand } from './commands/replay.ts';
import { reportCommand } from './commands/report.ts';
import { sampleCommand } from './commands/sample.ts';
import { setupCommand } from './commands/setup.ts';
import { statusCommand } from './commands/status.ts';
import { runCommand } from './commands/train.ts';
import { workerProcessCommand } from './commands/worker.ts';
import type { Io } from './io.ts';
import { errorReport } from './report-error.ts';
import { whileDoing } from './stop-signals.ts';
import { version } from './version.ts';

const examples = `
Examples:
  npx unet-fleet quickstart                                   make sample data, train on it, look at the result
  npx unet-fleet inspect --images photos --masks masks        look at the data before training
  npx unet-fleet train --images photos --masks masks --size 256x192 --batch-size 8 --workers 2
  npx unet-fleet train --resume                               go on with the newest run
  npx unet-fleet predict holiday.jpg                          segment a photo with the newest run

Every option can be an environment variable or in a config file too: docs/configuration.md.`;

export function buildProgram(io: Io): Command {
  const program = new Command('unet-fleet')
    .description('Trains a U-Net for semantic segmentation, on one machine or many.')
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', examples)
    .commandsGroup('Commands:')
    .addCommand(quickstartCommand(io))
    .addCommand(setupCommand(io))
    .addCommand(doctorCommand(io))
    .addCommand(sampleCommand(io))
    .addCommand(inspectCommand(io))
    .addCommand(packCommand(io))
    .addCommand(runCommand('train', io))
    .addCommand(runCommand('coordinator', io))
    .addCommand(workerProcessCommand(io))
    .addCommand(credentialsCommand(io))
    .addCommand(deployCommand(io))
    .addCommand(dashboardCommand(io))
    .addCommand(statusCommand(io))
    .addCommand(reportCommand(io))
    .addCommand(csvCommand(io))
    .addCommand(ledgerCommand(io))
    .addCommand(replayCommand(io))
    .addCommand(evaluateCommand(io))
    .addCommand(predictCommand(io))
    .addCommand(configCommand(io));
  for (const command of allOf(program)) prepare(command, io);
  return program;
}

/** Errors are thrown, for the one place that prints them. */
function prepare(command: Command, io: Io): void {
  command
    .exitOverride()
    .showSuggestionAfterError(false)
    .helpOption('-h, --help', 'print this help')
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // Commander's own wording of an error; only a help that nobody asked for goes to stderr.
      writeErr: (text) => io.stderr.write(text),
      outputError: () => {},
    });
}

/** Runs one command line (without program and script). Resolves to the exit code; never throws. */
export async function runCli(args: readonly string[], io: Io): Promise<number> {
  const program = buildProgram(io);
  const isDone = whileDoing(
    () => args[0] ?? '',
    () => {},
  );
  let exitCode = 0;
  try {
    await program.parseAsync(args, { from: 'user' });
    exitCode = Number(process.exitCode ?? 0);
  } catch (error) {
    const report = errorReport(error, {
      flags: flagsOf(program, args),
      commands: program.commands.map((command) => command.name()),
    });
    if (report.text) io.stderr.write(`${report.text}\n`);
    exitCode = report.exitCode;
  } finally {
    isDone();
  }
  return exitCode;
}

/** Flags of the command that the arguments name. */
function flagsOf(program: Command, args: readonly string[]): string[] {
  const command = program.commands.find((candidate) => args.includes(candidate.name()));
  return command ? flagsOf(command, args) : program.options.flatMap(({ long }) => long ?? []);
}

/** A command and those below it. */
const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];
