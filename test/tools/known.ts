/** Tools that several checks need. */
import { spawnSync } from 'node:child_process';
import { findProgram } from './find-program.ts';
import type { Tool } from './tool.ts';

/** A program on the path; by default of the package that has its name. */
export const program = (
  name: string,
  why: string,
  remedy = `apt-get install ${name}`,
  packages: readonly string[] = [name],
): Tool => ({ name, why, remedy, packages, find: () => findProgram([name]) });

/** Programs of one of Debian's packages. */
export const programsOf = (debianPackage: string, names: readonly string[], why: string): Tool[] =>
  names.map((name) => program(name, why, `apt-get install ${debianPackage}`, [debianPackage]));

export const root = (why: string): Tool => ({
  name: 'root',
  why,
  remedy: 'run it with sudo',
  find: () => (process.getuid?.() === 0 ? '' : null),
});

const goes = (name: string, args: readonly string[]): string | null =>
  spawnSync(name, args, { stdio: 'ignore' }).status === 0 ? name : null;

export const pip: Tool = {
  name: 'python3 with pip',
  why: 'setup, which fetches TensorFlow and nats-server',
  remedy: 'apt-get install python3-pip',
  packages: ['python3', 'python3-pip'],
  find: () => goes('python3', ['-m', 'pip', '--version']),
};

export const compiler: Tool = {
  name: 'g++',
  why: 'setup, which compiles the engine',
  remedy: 'apt-get install g++',
  packages: ['g++'],
  find: () => goes('g++', ['--version']),
};

/** A Python that can make virtual environments with pip in them. */
export const pythonWithVenv = (why: string, atLeast: readonly [number, number]): Tool => {
  const version = atLeast.join('.');
  const asks = `import sys, venv, ensurepip; sys.exit(sys.version_info < (${atLeast.join(', ')}))`;
  return {
    name: `python3 ${version} with venv`,
    why,
    remedy: `apt-get install python3-venv, or any Python of ${version} or newer first on PATH`,
    packages: ['python3', 'python3-venv'],
    find: () => goes('python3', ['-c', asks]),
  };
};
