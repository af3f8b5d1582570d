/** A MATLAB variable, from whichever of the two file formats it came, and what we make of it. */
import { maskFrom, type NumericArray, type RawMask } from './raster.ts';

export interface MatHeader {
  name: string;
  /** MATLAB's class, such as "double", "logical" or "cell". */
  className: string;
  dims: number[];
}

/** values lie column by column; text joins a char array's rows; cells are those of a cell array. */
export interface MatArray extends MatHeader {
  values?: NumericArray;
  text?: string;
  cells?: MatArray[];
}

/** "groundtruth (double 822 x 550)" */
export function describeVariable(variable: MatHeader): string {
  const dims = variable.dims.length === 0 ? '' : ` ${variable.dims.join(' x ')}`;
  return `${variable.name} (${variable.className}${dims})`;
}

/** The sentence for a variable that is not there, naming those that are. */
export function missingVariable(wanted: string, found: readonly MatHeader[]): Error {
  const names = found.map(describeVariable).join(', ');
  return new Error(
    `it has no variable "${wanted}"; ${found.length === 0 ? 'it has none at all' : `there is ${names}; name one with --mat-variable`}`,
  );
}

/** Rows are the image's rows: dims = [height, width], with any more of them 1. */
export function maskFromMat(variable: MatArray): RawMask {
  const [height = 0, width = 0, ...more] = variable.dims;
  if (variable.values === undefined) {
    throw new Error(`its variable ${describeVariable(variable)} is no numeric array`);
  }
  if (more.some((dim) => dim !== 1)) {
    throw new Error(`its variable ${describeVariable(variable)} has more than two dimensions`);
  }
  return maskFrom(variable.values, width, height, 'columns');
}

/** The strings of a cell array of char arrays, in order. */
export function namesFromMat(variable: MatArray): string[] {
  if (variable.cells === undefined) {
    throw new Error(`its variable ${describeVariable(variable)} is no cell array of names`);
  }
  return variable.cells.map((cell, i) => {
    if (cell.text === undefined) throw new Error(`cell ${i + 1} of ${describeVariable(variable)} is no text`);
    return cell.text;
  });
}
