/**
 * The one way that the report's HTML comes to be. What this file keeps true: a string from a run (a class name, a sample
 * id, a path) stays text, because everything that goes into a template is escaped unless a template made it.
 */

/** Markup that a template has made. */
export class Html {
  readonly #markup: string;
  constructor(markup: string) {
    this.#markup = markup;
  }
  toString(): string {
    return this.#markup;
  }
}

/** false, null and undefined are nothing; lists are put together without anything between. */
export type Content = Html | string | number | false | null | undefined | readonly Content[];

/** Markup with the values in it as text; attributes must be in double quotes. */
export function html(parts: TemplateStringsArray, ...values: Content[]): Html {
  let markup = parts[0]!;
  values.forEach((value, index) => {
    markup += markupOf(value) + parts[index + 1]!;
  });
  return new Html(markup);
}

function markupOf(value: Content): string {
  if (value === false || value === null || value === undefined) return '';
  if (value instanceof Html) return value.toString();
  if (typeof value === 'object') return value.map(markupOf).join('');
  return escaped(String(value));
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Control characters are no HTML, and those that turn the direction of writing could show a name as another. */
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]|\p{Surrogate}/gu;

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character]!).replace(unsafe, '\ufffd');
