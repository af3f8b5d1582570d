/**
 * A process whose terminal is closed, at whatever moment, must end like any other. At its very end Node.js gives a
 * terminal back the settings that it found at the start, and takes a terminal that no longer answers for a broken
 * invariant of its own: it dumps core. Whether the terminal still answers can't be known then, so the standard streams
 * of every process lead elsewhere before. A terminal loses nothing by it: no command changes its settings (raw mode), and
 * the one flag that output sets is taken back here.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { atExit } from '@unet-fleet/shared';
import type { Output } from './output.ts';

const standardStreams = [0, 1, 2];

/** To be called once, at the start of the process: what is to be done last at its exit is registered first. */
export function surviveClosedTerminal(outputs: readonly Output[]): void {
  atExit(() => {
    for (const output of outputs) output.giveBack();
    for (const fd of standardStreams.filter(isDevice)) {
      closeSync(fd);
      // The lowest number that is free, which is this one's.
      openSync('/dev/null', 'r+');
    }
  });
}

/** A terminal is one, also where it no longer answers that it is a terminal. */
function isDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    // It is closed, and Node.js expects no more of it.
    return false;
  }
}
