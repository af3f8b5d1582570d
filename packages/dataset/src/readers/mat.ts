/** MATLAB .mat files of both formats behind one function: the file's bytes decide, as its name cannot. */
import type { PixelLimit } from '../limits.ts';
import type { Container } from './container.ts';
import { type MatVariable, namesFromMat, pictureFromMat } from './mat-array.ts';
import { onlyMatrix, variableAt } from './mat-path.ts';
import { isMat5, openMat5 } from './mat5.ts';
import { isHdf5, withMat73 } from './mat73.ts';
import type { StoredPicture } from './picture.ts';

/** Of the names in a cell array, and the characters of each. */
const MAX_NAMES = 2 ** 20;

function withVariables<T>(
  path: string,
  bytes: Uint8Array,
  limit: PixelLimit,
  use: (variables: MatVariable[]) => T,
): T | Promise<T> {
  return isHdf5(bytes) ? withMat73(path, limit, use) : use(openMat5(bytes, limit));
}

export const mat: Container = {
  name: 'mat',
  title: 'MATLAB file of level 5 or 7.3',
  extensions: ['.mat'],
  matches: (bytes) => isMat5(bytes) || isHdf5(bytes),
  read: (bytes, { path, matVariable, ...limit }) => readMatPicture(path, bytes, matVariable, limit),
  isArray: true,
};

/** `variable` is a path (mat-path.ts), or '' for the only matrix of the file. Throws a plain sentence that names what can be a mask if there is no such one. */
function readMatPicture(
  path: string,
  bytes: Uint8Array,
  variable: string,
  limit: PixelLimit,
): StoredPicture | Promise<StoredPicture> {
  return withVariables(path, bytes, limit, (variables) =>
    pictureFromMat(variable === '' ? onlyMatrix(variables) : variableAt(variables, variable), limit),
  );
}

/** The names in the file's cell array: its only one, or else the one called label_list. */
export function readMatNames(path: string, bytes: Uint8Array): string[] | Promise<string[]> {
  return withVariables(path, bytes, { maxPixels: MAX_NAMES }, (variables) => {
    const cells = variables.filter(({ header }) => header.className === 'cell');
    const found = cells.length === 1 ? cells[0] : cells.find(({ header }) => header.name === 'label_list');
    if (found === undefined) {
      throw new Error(
        cells.length === 0
          ? 'it holds no cell array of names'
          : 'it holds several cell arrays, none called label_list',
      );
    }
    return namesFromMat(found.read());
  });
}
