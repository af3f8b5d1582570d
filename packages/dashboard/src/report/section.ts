/** The frame of the report's sections, and its tables. */
import { type Content, type Html, html } from './html.ts';

export const section = (id: string, title: string, content: Content): Html =>
  html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${content}
</section>`;

/** Instead of a section's content: why there is none, in one sentence. */
export const absent = (sentence: string): Html => html`<p class="absent">${sentence}</p>`;

/** Terms and what they are. */
export const facts = (rows: readonly (readonly [string, Content])[]): Html =>
  html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** A name keeps its line, unless it is longer than a phone is wide. */
export const label = (name: string, before?: Html): Html =>
  html`<span class="label${name.length > 32 && ' long'}">${before}${name}</span>`;

export interface Column<Row> {
  title: string;
  cell: (row: Row) => Content;
  isNumber?: boolean;
}

/** The first column names the row. Wide tables scroll in themselves, also by keyboard. `look`: a class of the style. */
export function table<Row>(
  caption: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  look = '',
): Html {
  const number = ({ isNumber }: Column<Row>) => isNumber && html` class="number"`;
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table class="${look}">
<caption>${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col"${number(column)}>${column.title}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) => html`<tr>${columns.map((column, index) =>
      index === 0
        ? html`<th scope="row"${number(column)}>${column.cell(row)}</th>`
        : html`<td${number(column)}>${column.cell(row)}</td>`,
    )}</tr>
`,
  )}</tbody>
</table></div>`;
}
