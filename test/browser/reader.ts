/** The page as a person with a screen reader finds things on it: by role and name, never by how it is built. */
import type { Locator, Page } from 'playwright-core';

export const views = ['Curves', 'Masks', 'Classes', 'Workers', 'Events', 'Runs'] as const;
export type View = (typeof views)[number];

export const head = (page: Page): Locator => page.getByRole('banner');
export const slider = (page: Page): Locator => page.getByRole('slider', { name: 'Evaluated step' });

/** Goes to a view by its link, and waits until its heading is there. */
export async function goTo(page: Page, view: View): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: view }).click();
  await page.getByRole('main').getByRole('heading', { name: view, exact: true }).first().waitFor();
}

/** The step that the head tells; null before the first. */
export async function stepOf(page: Page): Promise<number | null> {
  const text = (await head(page).textContent()) ?? '';
  const found = /step\s+([\d,]+)\s*(?:of|\/)/i.exec(text);
  return found ? Number(found[1]!.replaceAll(',', '')) : null;
}

/** What the followed photos' pictures show: name of the picture -> its pixels, as a text to compare. */
export async function predictions(page: Page): Promise<Record<string, string>> {
  const pictures = await page.getByRole('img', { name: /^Prediction for/ }).all();
  const shown = await Promise.all(
    pictures.map((picture) =>
      picture.evaluate((element) => {
        const name = (element.getAttribute('aria-label') ?? '').split(': ')[0]!;
        return [name, (element as HTMLCanvasElement).toDataURL()] as const;
      }),
    ),
  );
  return Object.fromEntries(shown);
}

/** Drops a file onto an element as a file manager would. */
export async function dropFile(target: Locator, name: string, type: string, bytes: Buffer): Promise<void> {
  const dataTransfer = await target.page().evaluateHandle(
    ([fileName, fileType, base64]) => {
      const content = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([content], fileName, { type: fileType }));
      return transfer;
    },
    [name, type, bytes.toString('base64')] as const,
  );
  for (const event of ['dragenter', 'dragover', 'drop']) await target.dispatchEvent(event, { dataTransfer });
}

export interface CurveWords {
  numPoints: number;
  words: string;
}

/** What a curve says of itself to those who do not see it. */
export async function curve(page: Page, name: RegExp): Promise<CurveWords> {
  const words = (await page.getByRole('img', { name }).first().getAttribute('aria-label')) ?? '';
  return { words, numPoints: Number(/([\d,]+) points/.exec(words)?.[1]?.replaceAll(',', '') ?? 0) };
}
