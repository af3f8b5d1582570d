/**
 * What happened, in order: a number that two equal courses share, always; lines for people, only when asked for,
 * because writing them takes longer than simulating.
 */
export class Trace {
  /** Mixed with everything that happens. */
  hash = 0x811c9dc5;
  readonly lines: string[] = [];
  readonly #isOn: boolean;
  readonly #clock: { nowMs: number };

  constructor(isOn: boolean, clock: { nowMs: number }) {
    this.#isOn = isOn;
    this.#clock = clock;
  }

  /** A step of the course: a letter for what it was, and a number. */
  mark(value: number): void {
    this.hash = Math.imul(this.hash ^ value, 0x01000193);
  }

  /** `text` is called when somebody will read it. */
  note(who: string, text: () => string): void {
    this.mark(who.length);
    if (!this.#isOn) return;
    this.lines.push(`${this.#clock.nowMs.toFixed(1).padStart(9)}  ${who.padEnd(15)} ${text()}`);
  }
}
