/**
 * Ctrl-C and SIGTERM: the first asks the work to end in good order, the second ends the process at once. The caller
 * says how children are ended, because a process that is gone can end none.
 */
import { exitCodes } from '@unet-fleet/shared';

export interface StopSignals {
  /** Aborted by the first signal; its reason is a sentence. */
  signal: AbortSignal;
  /** Stops listening: signals do what they always do. */
  release(): void;
}

/** `onFirst` tells the person what happens now; `onSecond` must not wait for anything. */
export function stopSignals(onFirst: () => void, onSecond: () => void): StopSignals {
  const controller = new AbortController();
  const received = (name: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      controller.abort(`asked to stop by ${name}`);
      onFirst();
      return;
    }
    onSecond();
    process.exit(exitCodes.leftOnRequest);
  };
  process.on('SIGINT', received);
  process.on('SIGTERM', received);
  return {
    signal: controller.signal,
    release() {
      process.off('SIGINT', received);
      process.off('SIGTERM', received);
    },
  };
}
