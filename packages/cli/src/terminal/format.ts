/** Text fitted to a terminal's width, beside the figures that are shown everywhere. Pure: no clock, no stream. */
export {
  compact,
  counted,
  duration,
  lossText,
  rateText,
  seconds,
  shareText,
  whole,
} from '@unet-fleet/law';

/** Cuts text to `columns`, with an ellipsis where something is gone. */
export const fit = (text: string, columns: number): string =>
  text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;

/** Breaks text at spaces into lines of at most `columns`; a longer word, such as a path, stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Label and value in two columns, the value wrapped within the terminal. */
export function facts(rows: readonly (readonly [string, string])[], columns: number): string[] {
  const labelWidth = Math.max(...rows.map(([label]) => label.length)) + 2;
  const indent = ' '.repeat(labelWidth + 2);
  return rows.flatMap(([label, value]) =>
    wrap(value, Math.max(20, columns - indent.length)).map((line, index) =>
      index === 0 ? `  ${label.padEnd(labelWidth)}${line}` : `${indent}${line}`,
    ),
  );
}
