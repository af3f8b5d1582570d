import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, expect, it } from 'vitest';
import { readCertificates } from './credentials.ts';

const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
afterAll(() => rmSync(folder, { recursive: true }));

const [one, two] = rootCertificates as [string, string];
const file = (text: string): string => {
  const path = join(folder, 'ca.pem');
  writeFileSync(path, text);
  return path;
};

it('takes one certificate or several, with what is written between them', () => {
  const text = `# ours\n${one}\nsubject=theirs\n${two}\n`;
  expect(readCertificates(file(text))).toBe(text);
});

it('refuses what has no certificate, and a damaged one wherever it stands', () => {
  expect(() => readCertificates(file('SUABC'))).toThrow(/holds no certificate: --nats-ca takes/);
  const cut = one.slice(0, one.length / 2);
  for (const text of [cut, `${one}\n${cut}`, one.replace(/\n.{9}/, '\n'), '-----BEGIN CERTIFICATE-----']) {
    expect(() => readCertificates(file(text))).toThrow(/ca.pem holds a damaged certificate: copy/);
  }
});
