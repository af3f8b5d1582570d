/** A MATLAB variable, from whichever of the two file formats it came, and what we make of it. */
import { checkPixels, type PixelLimit } from '../limits.ts';
import { arrayPicture, fromColumns, kindOfClass, shapeOf } from './array-picture.ts';
import type { StoredPicture } from './picture.ts';
import type { NumericArray } from './raster.ts';

export interface MatHeader {
  name: string;
  /** MATLAB's class, such as "double", "logical" or "cell". */
  className: string;
  dims: number[];
}

/** A variable, field or cell: what it is, and a way to read it. */
export interface MatVariable {
  header: MatHeader;
  /** Throws plain sentences. */
  read(): MatArray;
}

/** values lie column by column; text joins a char array's rows; cells and fields are those of a cell array or struct. */
export interface MatArray extends MatHeader {
  values?: NumericArray;
  text?: string;
  cells?: MatVariable[];
  fields?: MatVariable[];
}

/** "groundtruth (double 822 x 550)" */
export function describeVariable(variable: MatHeader): string {
  const dims = variable.dims.length === 0 ? '' : ` ${variable.dims.join(' x ')}`;
  return `${variable.name} (${variable.className}${dims})`;
}

/** Rows are the image's rows: dims = [height, width], or [height, width, channels]. Throws a plain sentence. */
export function pictureFromMat(variable: MatArray, limit: PixelLimit): StoredPicture {
  const { values, dims, className } = variable;
  if (values === undefined) {
    throw new Error(`its variable ${describeVariable(variable)} is no numeric array`);
  }
  const { isPlanar, ...size } = shapeOf(
    dims,
    `its variable ${describeVariable(variable)} has ${dims.length} dimensions`,
  );
  checkPixels(size.width, size.height, limit);
  return arrayPicture({
    ...size,
    values: fromColumns(values, size, isPlanar),
    ...kindOfClass(className, values),
  });
}

/** The strings of a cell array of char arrays, in order. */
export function namesFromMat(variable: MatArray): string[] {
  if (variable.cells === undefined) {
    throw new Error(`its variable ${describeVariable(variable)} is no cell array of names`);
  }
  return variable.cells.map((each, i) => {
    const cell = each.read();
    if (cell.text === undefined) throw new Error(`cell ${i + 1} of ${describeVariable(variable)} is no text`);
    return cell.text;
  });
}
