/** Work that counts more than what is told of it: a run goes on without its terminal, as it does without its disk. */
import type { Output } from './output.ts';
import { troubleReason } from './trouble.ts';

/**
 * `told` may be lost from now on. `other`, where there is one, is told why, and may be lost as well.
 * `onTrouble` gets the sentence, for a log.
 */
export function goOnWithoutTerminal(
  told: Output,
  other: Output | null,
  onTrouble: (sentence: string) => void = () => {},
): void {
  const name = told.fd === 1 ? 'standard output' : 'standard error';
  other?.goOnWithout(() => {});
  told.goOnWithout((error, lost) => {
    const sentence = `${name} can't be written (${troubleReason(error)}): the work goes on without it`;
    // Ctrl-C ends `| tee` as well, and what it made the work say is what is lost.
    other?.write(`warning: ${sentence}\n${told.isTTY ? '' : lost}`);
    onTrouble(sentence);
  });
}
