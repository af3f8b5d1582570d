/**
 * Where in a .mat file the mask is: --mat-variable names a variable, a field of a struct, or a cell of a cell array, as
 * MATLAB writes them: `GTcls.Segmentation`, `groundTruth{1}.Segmentation`. A cell array or struct of one is passed
 * through without saying so. Whatever the messages name can be read.
 */
import { describeVariable, type MatArray, type MatVariable } from './mat-array.ts';

/** How deep and how far a file is looked through for what can be a mask. */
const MAX_DEPTH = 4;
const MAX_LISTED = 6;
const MAX_VISITED = 256;

/** Throws a plain sentence that names what can be a mask if there is no such variable, or it is none. */
export function variableAt(variables: readonly MatVariable[], path: string): MatArray {
  const whole = variables.find(({ header }) => header.name === path);
  if (whole !== undefined) return arrayOf(whole, path, variables);
  const [name = '', ...steps] = path.split(/(?=[.{])/);
  const first = variables.find(({ header }) => header.name === name);
  if (first === undefined || steps.length === 0) throw missing(path, variables);
  let found = first;
  for (const step of steps) {
    const next = stepped(throughCells(found.read()), step);
    if (next === null) throw missing(path, variables);
    found = next;
  }
  return arrayOf(found, path, variables);
}

/** The file's one matrix, as a photo has it: masks are named, photos are not. Throws a plain sentence for none or several. */
export function onlyMatrix(variables: readonly MatVariable[]): MatArray {
  const found = matricesIn(variables);
  const [only] = found;
  if (only === undefined) {
    const names = variables.map(({ header }) => describeVariable(header)).join(', ');
    throw new Error(
      `it holds no matrix of numbers that could be a photo${names === '' ? '' : `; there is ${names}`}`,
    );
  }
  if (found.length > 1) {
    throw new Error(
      `it holds ${found.length} matrices (${advice(found.map(({ text }) => text))}), and which is the photo nobody says; save each photo alone in its file, or as TIFF`,
    );
  }
  return only.variable.read();
}

/** One step into an array: `.field` or `{number}`, from 1 on; null where there is none. */
function stepped({ fields, cells }: MatArray, step: string): MatVariable | null {
  const index = /^\{(\d+)\}$/.exec(step)?.[1];
  if (index !== undefined) return cells?.[Number(index) - 1] ?? null;
  return fields?.find(({ header }) => header.name === step.slice(1)) ?? null;
}

/** What is in a cell array of one, however nested; `{1}` may be written all the same. */
function throughCells(array: MatArray): MatArray {
  let found = array;
  for (let depth = 0; depth < MAX_DEPTH && found.cells?.length === 1; depth++) {
    const inner = (found.cells[0] as MatVariable).read();
    // Kept, so that `{1}` still finds it.
    if (inner.fields === undefined && inner.cells === undefined) break;
    found = { ...inner, cells: inner.cells ?? found.cells };
  }
  return found;
}

function arrayOf(variable: MatVariable, path: string, variables: readonly MatVariable[]): MatArray {
  let array = variable.read();
  for (let depth = 0; depth < MAX_DEPTH && array.cells?.length === 1; depth++) {
    array = (array.cells[0] as MatVariable).read();
  }
  if (array.values !== undefined) return array;
  const { name, className, dims } = variable.header;
  const inside = masksIn([{ ...variable, header: { ...variable.header, name: path } }]);
  const shown = describeVariable({ name: path || name, className, dims });
  throw new Error(
    `its variable ${shown} is no numeric array${inside.length > 0 ? `; there is ${advice(inside)}` : otherMasks(variables)}`,
  );
}

/** The sentence for a variable that is not there, naming those that are and what can be a mask. */
function missing(wanted: string, variables: readonly MatVariable[]): Error {
  const names = variables.map(({ header }) => describeVariable(header)).join(', ');
  if (variables.length === 0) return new Error(`it has no variable "${wanted}"; it has none at all`);
  return new Error(`it has no variable "${wanted}"; there is ${names}${otherMasks(variables)}`);
}

function otherMasks(variables: readonly MatVariable[]): string {
  const masks = masksIn(variables);
  return masks.length === 0
    ? '; none of them is a matrix of numbers'
    : `; name one with --mat-variable: ${advice(masks)}`;
}

const advice = (masks: readonly string[]): string =>
  masks.slice(0, MAX_LISTED).join(', ') + (masks.length > MAX_LISTED ? ' and more' : '');

const masksIn = (variables: readonly MatVariable[]): string[] =>
  matricesIn(variables).map(({ text }) => text);

/** "GTcls.Segmentation (uint8 366 x 500)" for each matrix of numbers, at any depth. */
function matricesIn(variables: readonly MatVariable[]): { text: string; variable: MatVariable }[] {
  const found: { text: string; variable: MatVariable }[] = [];
  let numVisited = 0;
  const visit = (variable: MatVariable, path: string, depth: number): void => {
    if (++numVisited > MAX_VISITED || depth > MAX_DEPTH) return;
    const { className, dims } = variable.header;
    if (isMatrix(className, dims)) {
      found.push({ text: describeVariable({ name: path, className, dims }), variable });
      return;
    }
    if (className !== 'struct' && className !== 'cell') return;
    const { fields = [], cells = [] } = opened(variable);
    for (const field of fields) visit(field, `${path}.${field.header.name}`, depth + 1);
    // The path through a cell array of one needs no number.
    for (const [i, cell] of cells.entries())
      visit(cell, cells.length === 1 ? path : `${path}{${i + 1}}`, depth + 1);
  };
  for (const variable of variables) visit(variable, variable.header.name, 0);
  return found;
}

/** A part that is damaged is no advice. */
function opened(variable: MatVariable): MatArray {
  try {
    return variable.read();
  } catch {
    return variable.header;
  }
}

const NUMERIC = /^(double|single|u?int(8|16|32|64)|logical|sparse.*|[<>|=]?[uif]\d)$/;

function isMatrix(className: string, dims: readonly number[]): boolean {
  const sizes = dims.filter((dim) => dim !== 1);
  return (
    NUMERIC.test(className) && (sizes.length === 2 || (sizes.length === 3 && sizes.some((size) => size <= 4)))
  );
}
