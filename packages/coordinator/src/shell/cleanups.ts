/** What must be undone when a run ends, however it ends: in the reverse order of its making, each once. */
export class Cleanups {
  readonly #stack: (() => void | Promise<void>)[] = [];

  add(undo: () => void | Promise<void>): void {
    this.#stack.push(undo);
  }

  /** Does all of them, also when one throws; throws the first error then. */
  async run(): Promise<void> {
    let failed: unknown = null;
    for (let undo = this.#stack.pop(); undo; undo = this.#stack.pop()) {
      try {
        await undo();
      } catch (error) {
        failed ??= error;
      }
    }
    if (failed) throw failed;
  }
}

/** What went wrong first is what a person must know; `onAlso` is told what went wrong after it. */
export async function withCleanups<T>(
  work: (cleanups: Cleanups) => Promise<T>,
  onAlso: (error: Error) => void,
): Promise<T> {
  const cleanups = new Cleanups();
  let result: T;
  try {
    result = await work(cleanups);
  } catch (error) {
    await cleanups.run().catch(onAlso);
    throw error;
  }
  await cleanups.run();
  return result;
}
