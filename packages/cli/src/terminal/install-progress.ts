/** Shows what set-up does, and says which step a signal interrupted. */
import { type InstallReport, showInstall } from '@unet-fleet/install';
import type { Io } from '../io.ts';
import { whileDoing } from '../stop-signals.ts';
import { isLiveTerminal } from './screen.ts';

export function installProgress({ stdout, env, now }: Pick<Io, 'stdout' | 'env' | 'now'>): InstallReport {
  const isTTY = isLiveTerminal(stdout, env);
  const stream = {
    isTTY,
    write: (text: string) => stdout.write(text),
    get columns() {
      return stdout.columns || 80;
    },
  };
  const show = showInstall(stream, now);
  let isDone = () => {};
  return (event) => {
    if (event.type === 'started') {
      isDone = whileDoing(
        () => event.step,
        // The bar of a download is a line that is still to be ended.
        () => isTTY && stdout.write('\n'),
      );
    }
    if (event.type === 'done') isDone();
    show(event);
  };
}
