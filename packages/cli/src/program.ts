/** The command line: one program with all commands, of which the one that is called is loaded. */
import { Command, Help } from 'commander';
import { commandList } from './commands/list.ts';
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

/** The program with this command; of the others it has what the list of them shows. */
async function programWith(isLoaded: (name: string) => boolean, io: Io): Promise<Command> {
  const commands = await Promise.all(
    commandList.map((listed) => (isLoaded(listed.name) ? listed.load(io) : new Command(listed.name))),
  );
  const program = new Command('unet-fleet')
    .description('Trains a U-Net for semantic segmentation, on one machine or many.')
    .version(version, '-V, --version', 'print the version')
    .addHelpText('after', examples)
    .configureHelp({ subcommandTerm })
    .commandsGroup('Commands:');
  commands.forEach((command, i) => {
    program.addCommand(command.description(commandList[i]!.description));
  });
  for (const command of allOf(program)) prepare(command, io);
  return program;
}

/** With all that every command takes, for what looks at the commands themselves. */
export const wholeProgram = (io: Io): Promise<Command> => programWith(() => true, io);

/** What stands for a command in the list of them, whether it is loaded or not. */
function subcommandTerm(command: Command): string {
  const listed = commandList.find(({ name }) => name === command.name());
  return listed ? `${listed.name} ${listed.takes}`.trimEnd() : new Help().subcommandTerm(command);
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
  const isDone = whileDoing(
    () => args[0] ?? '',
    () => {},
  );
  const names = commandList.map(({ name }) => name);
  const called = calledOf(args, names);
  // What can't be loaded is told by what starts the program.
  const program = await programWith((name) => name === called, io);
  let exitCode = 0;
  try {
    await program.parseAsync(args, { from: 'user' });
    exitCode = Number(process.exitCode ?? 0);
  } catch (error) {
    const report = errorReport(error, {
      flags: flagsOf(program, args),
      commands: names,
    });
    if (report.text) io.stderr.write(`${report.text}\n`);
    exitCode = report.exitCode;
  } finally {
    isDone();
  }
  return exitCode;
}

/** The first of the arguments that is a name: no option before a command takes a value. */
const calledOf = (args: readonly string[], names: readonly string[]): string | undefined =>
  args.find((arg) => names.includes(arg));

/** Flags of the command that the arguments name. */
function flagsOf(program: Command, args: readonly string[]): string[] {
  const names = program.commands.map((command) => command.name());
  const called = program.commands[names.indexOf(calledOf(args, names) ?? '')];
  return called ? flagsOf(called, args) : program.options.flatMap(({ long }) => long ?? []);
}

/** A command and those below it. */
const allOf = (command: Command): Command[] => [command, ...command.commands.flatMap(allOf)];
