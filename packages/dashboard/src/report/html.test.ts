import fc from 'fast-check';
import { expect, test } from 'vitest';
import { html } from './html.ts';

test('values are text, what a template made is markup, and nothing is nothing', () => {
  const inner = html`<b>${'<i>'}</b>`;
  expect(String(html`<p title="${'"'}">${inner}${null}${false}${undefined}${0}${['a', inner]}</p>`)).toBe(
    '<p title="&quot;"><b>&lt;i&gt;</b>0a<b>&lt;i&gt;</b></p>',
  );
});

test('no text ends the element or the attribute that it is in, or turns what stands around it', () => {
  const text = fc.string({ unit: 'binary', maxLength: 50 });
  const nasty = fc.constantFrom('</p>', '"', "'", '<!--', '&lt;', '\u202e', '\u0000', '\u009b', '\ud800');
  fc.assert(
    fc.property(fc.array(fc.oneof(text, nasty)), (parts) => {
      const page = String(html`${parts.join('')}`);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(page).not.toMatch(/[<>"'\u0000-\u0008\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
      expect(page.isWellFormed()).toBe(true);
    }),
  );
});
