/** Figures as people read them, and text fitted to a terminal's width. Pure: no clock, no stream. */

/** 950 -> "1s", 65_000 -> "1m 05s", 3_725_000 -> "1h 02m". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${twoDigits(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${twoDigits(minutes % 60)}m`;
}

/** 1_240 -> "1.2 s": for what is compared with something as short. */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** 31037698 -> "31,037,698". */
export const whole = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');

/** "1 worker", "2 workers". */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${whole(value)} ${value === 1 ? one : many}`;

/** A loss: four decimals, as many training logs have; NaN and infinities by name, since they are worth seeing. */
export const lossText = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(4) : String(value);

/** A share between 0 and 1, such as a mean IoU. */
export const shareText = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(3) : String(value);

/** Three significant digits without trailing zeros: 0.001, 1e-8, 0.0000316 -> "3.16e-5". */
export function compact(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const magnitude = Math.abs(value);
  if (magnitude >= 1e-3 && magnitude < 1e6) return String(Number(value.toPrecision(3)));
  return value
    .toExponential(2)
    .replace(/\.?0*e/, 'e')
    .replace('e+', 'e');
}

/** Images per second: more digits where it is slow. */
export const rateText = (perSecond: number): string =>
  `${perSecond.toFixed(perSecond < 10 ? 2 : 0)} images/s`;

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
