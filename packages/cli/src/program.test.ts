/** The list of commands against the commands themselves, which are loaded when they are called. */
import { expect, test } from 'vitest';
import { commandList } from './commands/list.ts';
import type { Io } from './io.ts';
import { wholeProgram } from './program.ts';

const io = { env: {}, cwd: '/' } as unknown as Io;

test('what follows a command in the list is what it takes', async () => {
  const program = await wholeProgram(io);
  const shown = (await Promise.all(commandList.map(({ load }) => load(io)))).map((command) => {
    const takes = command.registeredArguments.map((argument) => {
      const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
      return argument.required ? `<${name}>` : `[${name}]`;
    });
    const terms = [command.options.length > 0 ? '[options]' : '', ...takes].filter(Boolean);
    return `${command.name()}: ${terms.join(' ')}`;
  });
  expect(commandList.map(({ name, takes }) => `${name}: ${takes}`)).toEqual(shown);
  expect(program.commands.map((command) => command.name())).toEqual(commandList.map(({ name }) => name));
});
