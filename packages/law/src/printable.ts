/**
 * Text from outside (file names, worker names, what a damaged file holds) made safe to show: it cannot move the cursor,
 * colour the screen, forge a line of a log or fill it. Everything that people read goes through here once.
 */

/**
 * Control characters of terminals and lines, and those that reverse the direction of writing. Lone surrogates too: they
 * are no text.
 */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu;

/** The text with unsafe characters written as \u001b and the like, cut at `maxLength` characters. */
export function printable(text: string, maxLength = 300): string {
  const shown = text.slice(0, maxLength + 1).replace(unsafe, escaped);
  return shown.length > maxLength ? `${shown.slice(0, maxLength - 1)}…` : shown;
}

/** Whether the text can be shown as it is. */
export const isPrintable = (text: string): boolean => text.search(unsafe) === -1;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
