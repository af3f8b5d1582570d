/** Where the process begins and ends. */
import { processIo } from './io.ts';
import { runCli } from './program.ts';

// A reader that has seen enough (head, less) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// TensorFlow's own notes about the processor are not for the reader of a training run; warnings and errors stay. Set
// here because a thread's environment is a copy that native code does not see.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';

process.exitCode = await runCli(process.argv.slice(2), processIo());
