import { parseBrokerUrl, splitBrokerUrl, withoutCredentials } from '@unet-fleet/wire';
import { describe, expect, it, test } from 'vitest';
import { loadConfig } from './load.ts';

const none = { user: '', password: '', token: '' };

describe('the address of a broker', () => {
  it.each([
    ['host', 'host:4222', 'host', none],
    ['nats://10.0.0.5:14222/', '10.0.0.5:14222', '10.0.0.5', none],
    ['nats://[::1]:4222', '[::1]:4222', '::1', none],
    ['tls://[2001:db8::5]', '[2001:db8::5]:4222', '2001:db8::5', none],
    ['nats://s3cret@host', 'host:4222', 'host', { ...none, token: 's3cret' }],
    ['nats://me:p%40ss%2Fword@[::1]', '[::1]:4222', '::1', { ...none, user: 'me', password: 'p@ss/word' }],
  ])('%s', (text, host, hostname, credentials) => {
    expect(parseBrokerUrl(text)).toEqual([
      { protocol: text.startsWith('tls') ? 'tls:' : 'nats:', host, hostname, credentials },
    ]);
  });

  it.each([
    'nats://me:s3c/ret@host',
    'nats://s3c%zzret@host',
    'nats://me:s3c,ret@host:99999',
    'ftp://s3c:ret@host',
    's3c@ret@host/path',
    'nats://s3cret@[fe80::1%eth0]:4222',
    'nats://s3cret@[::1',
    'nats://a:4222,nats://s3c#ret@b',
  ])('%s is refused, and what it holds is not repeated', (text) => {
    for (const read of [parseBrokerUrl, (url: string) => loadConfig({ flags: { natsUrl: url } })]) {
      expect(() => read(text)).toThrow(/^(?!.*s3c)(?!.*ret\b).+$/s);
    }
  });

  it('of a link-local one is refused by name', () => {
    expect(() => parseBrokerUrl('nats://[fe80::1%25eth0]:4222')).toThrow(/an address with a zone/);
  });
});

test('several servers of one cluster have one identity', () => {
  expect(splitBrokerUrl('nats://t@a:1,nats://t@[::1]:2')).toEqual({
    url: 'nats://a:1,nats://[::1]:2',
    credentials: { ...none, token: 't' },
  });
  expect(() => splitBrokerUrl('nats://t@a,nats://u@b')).toThrow(/different credentials/);
  expect(withoutCredentials('nats://u:p,q@a:1,nats://t@b')).toBe('nats://a:1,nats://b');
});

test('hosts of IPv6 may stand in brackets', () => {
  const flags = { natsHost: '[::]', joinHost: '[2001:db8::5]', dashboardHost: '[::1]', metricsHost: '[::1]' };
  expect(loadConfig({ flags })).toMatchObject({
    broker: { natsHost: '::', joinHost: '2001:db8::5' },
    run: { dashboardHost: '::1', metricsHost: '::1' },
  });
});

test('credentials in the address become options, and contradict others', () => {
  const file = { name: 'config.json', values: { broker: { natsUser: 'old', natsUrl: 'nats://old:1' } } };
  const env = { UNET_FLEET_NATS_URL: 'nats://s3cret@host' };
  expect(loadConfig({ env, files: [file] }).broker).toMatchObject({
    natsUrl: 'nats://host:4222',
    natsToken: 's3cret',
    natsUser: '',
  });
  expect(loadConfig({ flags: { natsUrl: 'nats://me:pw@h' } }).broker).toMatchObject({
    natsUser: 'me',
    natsPassword: 'pw',
  });
  expect(() => loadConfig({ env, flags: { natsUser: 'me' } })).toThrow(
    '--nats-url holds a user or token, and --nats-user is given as well: leave one out',
  );
  expect(() => loadConfig({ flags: { natsToken: 'x', natsUrl: 'h', natsUser: 'me' } })).toThrow(
    /--nats-token and --nats-user are both given/,
  );
});
