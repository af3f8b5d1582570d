/**
 * A cosine that has the same bits in every JavaScript engine: additions, multiplications and divisions alone, in one
 * order. Within 1e-15 of the true value on the range where it is used.
 */

/** cos(angle) for 0 <= angle <= pi / 2, by its Taylor series (the 13th term is below 1e-16 there). */
function taylorCosine(angle: number): number {
  const negativeSquare = -(angle * angle);
  let sum = 1;
  for (let k = 13; k >= 1; k--) sum = 1 + (negativeSquare / ((2 * k - 1) * (2 * k))) * sum;
  return sum;
}

/** cos(pi * fraction) for a fraction in [0, 1]. */
export const cosineOfFraction = (fraction: number): number =>
  fraction <= 0.5 ? taylorCosine(Math.PI * fraction) : -taylorCosine(Math.PI * (1 - fraction));
