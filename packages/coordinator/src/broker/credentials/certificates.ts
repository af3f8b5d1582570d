/**
 * An authority of one's own and the broker's certificate from it: what encryption of a cluster needs, without any
 * authority outside. Keys are P-256, which every client and server of the last ten years knows.
 */
import { createPrivateKey } from 'node:crypto';
import { isIP } from 'node:net';

/** Both as PEM. */
export interface KeyAndCertificate {
  key: string;
  certificate: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 24 * 3600 * 1000;
const authorityDays = 3650;
/** The longest that browsers and Apple's systems accept; a sensible measure for others. */
export const serverDays = 825;
/** Machines whose clocks are behind take a new certificate for valid. */
const clockSkewMs = 3600 * 1000;

/** The library wants its polyfill first, and is slow to load: nothing but this needs it. */
async function library() {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

const validity = (now: Date, days: number) => ({
  notBefore: new Date(now.getTime() - clockSkewMs),
  notAfter: new Date(now.getTime() + days * dayMs),
});

/** Makes an authority that can vouch for servers, and for nothing below it. */
export async function makeAuthority(now: Date): Promise<KeyAndCertificate> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=unet-fleet broker authority',
    ...validity(now, authorityDays),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await pemOf(keys.privateKey), certificate: `${certificate.toString('pem')}\n` };
}

/** Makes a certificate for a server on these hosts: names or IP addresses, at least one. */
export async function makeServerCertificate(
  authority: KeyAndCertificate,
  hosts: readonly string[],
  now: Date,
): Promise<KeyAndCertificate> {
  const x509 = await library();
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const issuer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    // The names count; the subject is for people, and limited to 64 characters.
    subject: 'CN=unet-fleet broker',
    issuer: issuer.subject,
    ...validity(now, serverDays),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: await signingKeyOf(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { key: await pemOf(keys.privateKey), certificate: `${certificate.toString('pem')}\n` };
}

async function pemOf(key: Awaited<ReturnType<typeof signingKeyOf>>): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

const signingKeyOf = (pem: string) =>
  crypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' }),
    algorithm,
    true,
    ['sign'],
  );
