/**
 * Lines that replace the lines before them, on a terminal. Automatic line breaks are off while a block is shown, so that
 * each line takes one row whatever it holds; `end` leaves the terminal as it was, with the last block in it.
 */
import type { ScreenStream } from './screen.ts';

const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';
const noLineBreaks = '\u001b[?7l';
const lineBreaks = '\u001b[?7h';
const clearLine = '\u001b[K';
const clearBelow = '\u001b[J';
const up = (rows: number): string => (rows > 0 ? `\u001b[${rows}A` : '');

export interface Block {
  show(lines: readonly string[]): void;
  end(): void;
}

export function openBlock(stream: ScreenStream): Block {
  let numShown = 0;
  stream.write(hideCursor + noLineBreaks);
  return {
    show(lines) {
      const shown = fitted(lines, Math.max(2, (stream.rows || 24) - 1));
      // In one write, so that nobody sees half of it.
      stream.write(`${up(numShown)}\r${shown.map((line) => `${line}${clearLine}\n`).join('')}${clearBelow}`);
      numShown = shown.length;
    },
    end() {
      stream.write(lineBreaks + showCursor);
    },
  };
}

/** What scrolled away could not be replaced any more. */
function fitted(lines: readonly string[], maxRows: number): string[] {
  if (lines.length <= maxRows) return [...lines];
  return [...lines.slice(0, maxRows - 1), `and ${lines.length - maxRows + 1} more lines`];
}
