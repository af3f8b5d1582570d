/** Where the process begins and ends. */
import { writeSync } from 'node:fs';
import { printable } from '@unet-fleet/law';
import { processIo } from './io.ts';
import { runCli } from './program.ts';
import { errorReport } from './report-error.ts';
import { listenToStopSignals } from './stop-signals.ts';
import { surviveClosedTerminal } from './streams/closed-terminal.ts';
import { exitCodeOf, whenWritten } from './streams/ending.ts';
import { hangupIsIgnored } from './streams/hangup.ts';

// TensorFlow's own notes about the processor are not for the reader of a training run; warnings and errors stay. Set
// here because a thread's environment is a copy that native code does not see.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';

// What nothing has caught is told as everything is: a fault of the system as its sentence, a bug with its stack.
process.on('uncaughtException', (error) => {
  const { text, exitCode } = errorReport(error, { flags: [], commands: [] });
  try {
    writeSync(process.stderr.fd, `${text}\n`);
  } catch {
    // Nobody reads it any more.
  }
  process.exit(exitCode);
});

const io = processIo();
surviveClosedTerminal([io.stdout, io.stderr]);
listenToStopSignals(
  (sentence) => io.stderr.writeNow(`unet-fleet: ${printable(sentence)}\n`),
  hangupIsIgnored(process.env),
);
const exitCode = await runCli(process.argv.slice(2), io);
const isWritten = await whenWritten(io);
process.exitCode = exitCodeOf(exitCode, io);
// What still waits would keep the process alive for as long as nobody reads it.
if (!isWritten) process.exit();
