/** What a person without a mouse or without sight meets on a page: axe's rules, and a walk with the Tab key alone. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** The faults that axe calls serious or critical, one line each; [] on a good page. */
export async function axeFaults(page: Page): Promise<string[]> {
  // As an expression of the debugger: the page's own rules forbid scripts from elsewhere.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id} at ${target.join(' ')}: ${failureSummary}`),
      );
  });
}

export interface Stop {
  /** Tag, role and accessible name. */
  words: string;
  /** What is wrong with it; [] if nothing is. */
  faults: string[];
}

export interface Walk {
  stops: Stop[];
  /** Enabled elements to act on that the Tab key did not reach and that no composite widget moves to by arrows. */
  missed: string[];
  /** It came round to its first stop, or left the page at its end; false: it was held somewhere, or never ended. */
  isComplete: boolean;
}

const maxStops = 400;
/** A live page is walked again where what there is to reach has moved under the walk. */
const maxWalks = 3;

/**
 * Presses Tab from the top of the page until it comes round. A list that a new evaluation sorts anew meanwhile leads
 * back to what was reached before, or past what was not: that is no fault of the page, so such a walk is made again.
 */
export async function walkByTab(page: Page): Promise<Walk> {
  for (let numLeft = maxWalks - 1; ; numLeft--) {
    const walk = await walkOnce(page);
    const isGood = walk.isComplete && walk.missed.length === 0;
    if (isGood || numLeft === 0 || !(await page.evaluate(hasMoved))) return walk;
  }
}

async function walkOnce(page: Page): Promise<Walk> {
  await page.evaluate(axe.source);
  await page.evaluate(startWalk);
  const stops: Stop[] = [];
  for (let count = 0; count < maxStops; count++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(lookAtFocus);
    if (typeof stop !== 'string') stops.push(stop);
    else return { stops, missed: await page.evaluate(missedByWalk), isComplete: stop === 'round' };
  }
  return { stops, missed: [], isComplete: false };
}

interface WalkState {
  reached: Set<Element>;
  /** What there was to act on when it began, in its order. */
  order: Element[];
}

function startWalk(): void {
  (document.activeElement as HTMLElement | null)?.blur();
  window.scrollTo(0, 0);
  // The walk begins where the last click or focus was: at the top.
  document.body.tabIndex = -1;
  document.body.focus();
  document.body.removeAttribute('tabindex');
  const order = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')];
  (window as unknown as { walk: WalkState }).walk = { reached: new Set(), order };
}

/** Runs in the page: whether what there is to act on has come, gone or changed places since the walk began. */
function hasMoved(): boolean {
  const { order } = (window as unknown as { walk: WalkState }).walk;
  const now = [...document.querySelectorAll('a[href], button, input, select, textarea, summary')];
  return now.length !== order.length || now.some((element, i) => element !== order[i]);
}

/** Runs in the page. round: the focus has left it or has come round · held: it is where it was before. */
function lookAtFocus(): Stop | 'round' | 'held' {
  const { walk, axe } = window as unknown as { walk: WalkState; axe: typeof import('axe-core') };
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) return 'round';
  if (walk.reached.has(element)) return element === [...walk.reached][0] ? 'round' : 'held';
  walk.reached.add(element);

  axe.setup(document);
  const { text, aria } = axe.commons as unknown as {
    text: { accessibleText(element: Element): string };
    aria: { getRole(element: Element): string | null };
  };
  const name = text.accessibleText(element).trim();
  const role = aria.getRole(element);
  axe.teardown();

  const faults: string[] = [];
  if (name === '') faults.push('has no name');
  const style = getComputedStyle(element);
  if (style.outlineStyle === 'none' && style.boxShadow === 'none') faults.push('does not show its focus');
  // A control may be drawn by its label, which is then what must be seen.
  const drawn = element.getBoundingClientRect().width > 2 ? element : (element.closest('label') ?? element);
  const { left, top, right, bottom, width, height } = drawn.getBoundingClientRect();
  if (width === 0 || height === 0 || style.visibility !== 'visible') faults.push('is not visible');
  else {
    // Of a large one any part will do: its corner that is in the window.
    const x = Math.min(Math.max((left + right) / 2, 1), innerWidth - 2);
    const ys = [(top + bottom) / 2, top + 2, bottom - 2].filter((y) => y >= 0 && y < innerHeight);
    const hits = ys.map((y) => document.elementFromPoint(x, y));
    const isSeen = hits.some((hit) => hit !== null && (drawn.contains(hit) || hit.contains(drawn)));
    if (!isSeen) faults.push('is covered or outside the window while it has the focus');
  }
  return { words: `${element.localName} ${role ?? ''} "${name}"`, faults };
}

/** Runs in the page. */
function missedByWalk(): string[] {
  const { walk } = window as unknown as { walk: WalkState };
  const wanted =
    'a[href], button, input, select, textarea, summary, [tabindex], [role="button"], [role="link"]';
  const composites = '[role="tablist"], [role="grid"], [role="radiogroup"], [role="menu"], [role="listbox"]';
  return (
    [...document.querySelectorAll<HTMLElement>(wanted)]
      .filter((element) => !walk.reached.has(element))
      .filter(
        (element) => element.checkVisibility({ visibilityProperty: true }) && !element.matches(':disabled'),
      )
      .filter((element) => element.closest(composites) === null)
      // What only a script moves to, such as a heading after a change of view, has nothing to act on.
      .filter(
        (element) => element.tabIndex >= 0 || element.matches('a[href], button, select, textarea, summary'),
      )
      // Of a group of radio buttons Tab reaches the chosen one.
      .filter((element) => !(element instanceof HTMLInputElement && element.type === 'radio'))
      .map((element) => element.outerHTML.slice(0, 200))
  );
}
