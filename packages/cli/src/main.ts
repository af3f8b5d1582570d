/** Where the process begins and ends. */
import { printable } from '@unet-fleet/shared';
import { processIo } from './io.ts';
import { runCli } from './program.ts';
import { listenToStopSignals } from './stop-signals.ts';
import { surviveClosedTerminal } from './streams/closed-terminal.ts';
import { exitCodeOf, whenWritten } from './streams/ending.ts';
import { hangupIsIgnored } from './streams/hangup.ts';

// TensorFlow's own notes about the processor are not for the reader of a training run; warnings and errors stay. Set
// here because a thread's environment is a copy that native code does not see.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';

const io = processIo();
surviveClosedTerminal();
listenToStopSignals(
  (sentence) => io.stderr.writeNow(`unet-fleet: ${printable(sentence)}\n`),
  hangupIsIgnored(process.env),
);
const exitCode = await runCli(process.argv.slice(2), io);
const isWritten = await whenWritten(io);
process.exitCode = exitCodeOf(exitCode, io);
// What still waits would keep the process alive for as long as nobody reads it.
if (!isWritten) process.exit();
