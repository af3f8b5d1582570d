/**
 * Making, merging and writing confusion matrices (row = truth, column = prediction). Everything here is integer
 * addition, so the order in which predictions or matrices come cannot change a count.
 */

/** Counts of numClasses x numClasses cells, all 0. */
export const emptyConfusion = (numClasses: number): Float64Array => new Float64Array(numClasses * numClasses);

/** Adds `from` into `into`, cell by cell. Throws if their sizes differ. */
export function mergeConfusion(into: Float64Array, from: Float64Array): void {
  if (into.length !== from.length) {
    throw new Error(`cannot merge confusion matrices of ${into.length} and ${from.length} cells`);
  }
  for (let cell = 0; cell < into.length; cell++) into[cell]! += from[cell]!;
}

/**
 * The matrix as CSV (RFC 4180, LF): a header row with the predicted classes' names, then one row per true class.
 * The first cell says which way round it is.
 */
export function confusionCsv(confusion: Float64Array, classNames: string[]): string {
  const numClasses = classNames.length;
  const rows = [['truth \\ prediction', ...classNames].map(csvField).join(',')];
  for (let truth = 0; truth < numClasses; truth++) {
    const counts = confusion.subarray(truth * numClasses, (truth + 1) * numClasses);
    rows.push([csvField(classNames[truth]!), ...counts].join(','));
  }
  return `${rows.join('\n')}\n`;
}

const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
