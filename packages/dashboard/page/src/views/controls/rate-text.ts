/** The learning rate that somebody typed: a number, or the sentence that says what is wrong with it. Pure. */

/** As the option of the command line. */
const maxRate = 100;

export type TypedRate = { rate: number } | { problem: string };

export function rateOf(text: string, current: number | null): TypedRate {
  const trimmed = text.trim().replace(',', '.');
  if (trimmed === '') return { problem: 'Type a learning rate, such as 0.0001 or 1e-4.' };
  // Number() takes "0x10" and "Infinity" for numbers, which no person means here.
  if (!/^\d*\.?\d+(e[+-]?\d+)?$|^\d+\.(e[+-]?\d+)?$/i.test(trimmed)) {
    return { problem: `"${text.trim()}" is no number: type one such as 0.0001 or 1e-4.` };
  }
  const rate = Number(trimmed);
  if (!(rate > 0) || rate > maxRate)
    return { problem: `A learning rate lies above 0 and is at most ${maxRate}.` };
  if (rate === current) return { problem: 'That is the learning rate of now.' };
  return { rate };
}

/** As people write rates: 0.0001, or 3.2e-6 where that is shorter. */
export function rateText(rate: number): string {
  const plain = String(Number(rate.toPrecision(4)));
  const short = Number(rate.toPrecision(4)).toExponential();
  return short.length < plain.length ? short : plain;
}
