/** The live line: a bar with figures beside it, of which the less telling give way in a narrow terminal. Pure. */
import { fit } from './format.ts';

export interface BarState {
  label: string;
  done: number;
  total: number;
  /** What the numbers count, such as "images"; '' for nothing. */
  unit: string;
  /** Figures in the order they are shown; `rank` 0 is the last to give way. */
  details: { text: string; rank: number }[];
}

const widestBar = 30;
const narrowestBar = 10;

/** One line of less than `columns` characters, so that no terminal wraps it. */
export function barLine(bar: BarState, columns: number): string {
  const count = `${bar.done}/${bar.total}${bar.unit && ` ${bar.unit}`}`;
  let details = bar.details;
  for (;;) {
    const rest = [count, ...details.map(({ text }) => text)].join('  ');
    const barWidth = Math.min(widestBar, columns - 1 - bar.label.length - rest.length - 6);
    if (barWidth >= narrowestBar) return `${bar.label}  ${drawn(bar, barWidth)}  ${rest}`.trimEnd();
    if (details.length === 0) return fit(`${bar.label}  ${rest}`, columns - 1);
    const last = Math.max(...details.map(({ rank }) => rank));
    details = details.filter(({ rank }) => rank !== last);
  }
}

function drawn({ done, total }: BarState, width: number): string {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const filled = Math.floor(share * width);
  return `[${'='.repeat(filled)}${filled < width ? '>' : ''}${' '.repeat(Math.max(0, width - filled - 1))}]`;
}

/** The same figures as a plain line, for logs and pipes. */
export const plainLine = (bar: BarState): string =>
  [
    bar.label,
    `${bar.unit ? '' : 'step '}${bar.done}/${bar.total}${bar.unit && ` ${bar.unit}`}`,
    ...bar.details.map(({ text }) => text),
  ].join('  ');
