/**
 * A process whose terminal was closed must end like any other. At its exit Node.js gives a terminal the settings back
 * that it found, and takes a terminal that no longer answers for a broken invariant of its own: it dumps core. Where the
 * standard streams no longer lead to it, it is left alone.
 */
import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { atExit } from '@unet-fleet/shared';

const standardStreams = [0, 1, 2];

/** To be called once, at the start of the process. */
export function surviveClosedTerminal(): void {
  const terminals = standardStreams.filter((fd) => isatty(fd));
  if (terminals.length === 0) return;
  atExit(() => {
    for (const fd of terminals.filter((terminal) => !isatty(terminal))) {
      closeSync(fd);
      // The lowest number that is free, which is this one's.
      openSync('/dev/null', 'r+');
    }
  });
}
