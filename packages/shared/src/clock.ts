/**
 * Time as a shell takes it: the machine's in production, virtual in the simulator, where what takes hours passes in
 * milliseconds, and each time in the same way.
 */
export interface Clock {
  /** In ms; never goes back. */
  now(): number;
  /** Does the work once, so many ms from now, unless the function that it returns is called before. */
  after(ms: number, work: () => void): () => void;
  /** Does the work every so many ms, until the function that it returns is called. */
  every(ms: number, work: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  after(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  every(ms, work) {
    const timer = setInterval(work, ms);
    return () => clearInterval(timer);
  },
};

/** Resolves after so many ms. */
export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.after(ms, resolve));
