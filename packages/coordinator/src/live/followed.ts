/**
 * Which validation photos' predictions are kept at each evaluation. Who watches chooses them while the run goes on; the
 * choice reaches no weight and no score.
 */
import { permutation, UserError } from '@unet-fleet/law';
import { maxFollowed } from './live-run.ts';

/** Photos that are followed until somebody chooses. */
const numAtFirst = 6;

export class Followed {
  /** Of the validation photos, in the order of the split. */
  readonly #positions: ReadonlyMap<string, number>;
  #chosen: readonly string[];

  constructor(validationIds: readonly string[], seed: number) {
    this.#positions = new Map(validationIds.map((id, position) => [id, position]));
    const order = permutation(validationIds.length, seed, 'followed');
    this.#chosen = Array.from(order.subarray(0, numAtFirst))
      .sort((a, b) => a - b)
      .map((position) => validationIds[position]!);
  }

  get ids(): readonly string[] {
    return this.#chosen;
  }

  /** Places in the split's validation photos: what a worker is told. */
  get positions(): number[] {
    return this.#chosen.map((id) => this.#positions.get(id)!);
  }

  /** Throws a UserError for more than `maxFollowed` or an unknown id; then the choice stays what it was. */
  choose(ids: readonly string[]): void {
    const chosen = [...new Set(ids)];
    if (chosen.length > maxFollowed) {
      throw new UserError(`${chosen.length} photos are too many to follow: choose at most ${maxFollowed}`);
    }
    const unknown = chosen.find((id) => !this.#positions.has(id));
    if (unknown !== undefined) {
      throw new UserError(
        `${JSON.stringify(unknown)} is no validation photo of this run: choose one of them`,
      );
    }
    this.#chosen = chosen;
  }
}
