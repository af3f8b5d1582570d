/**
 * Loaded into every process of a cell before its own code (`node --import`): a wall clock that is set anew several times
 * a second, days forward and days back, as by a time server, a virtual machine that sleeps, or a person. What measures
 * time by it instead of the monotonic clock waits for ever, gives up at once, or writes nonsense.
 */
const dayMs = 86_400_000;
const jumps = [0, 2 * dayMs, -3 * dayMs, 400 * dayMs, -1_500];
const RealDate = Date;
const realNow = Date.now;
const now = (): number => realNow() + jumps[Math.floor(performance.now() / 150) % jumps.length]!;

class JumpingDate extends RealDate {
  constructor(...args: unknown[]) {
    if (args.length === 0) super(now());
    else super(...(args as [number]));
  }

  static override now(): number {
    return now();
  }
}
globalThis.Date = JumpingDate as DateConstructor;
