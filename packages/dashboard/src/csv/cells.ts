/**
 * Cells and rows of CSV (RFC 4180). What this keeps true: a text from a run, such as the name of a class or of a worker,
 * is text in a spreadsheet too, which would take one that begins with = for a formula.
 */
export type Cell = string | number | boolean | null | undefined;

const rowEnd = '\r\n';

/** What spreadsheets begin a formula with, also after what they take for the end of a cell. */
const formula = /^[=+\-@\t\r\n]/;

/** One row with its end. Nothing (null, undefined) is an empty cell, and no number is NaN. */
export const row = (cells: readonly Cell[]): string => cells.map(cell).join(',') + rowEnd;

function cell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const text = formula.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
