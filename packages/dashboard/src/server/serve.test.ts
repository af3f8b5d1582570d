/** The server as a browser and an attacker meet it: over real sockets, for a run folder on disk. */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { loadConfig } from '@unet-fleet/config/load';
import type { LiveStatus } from '@unet-fleet/coordinator';
import { UserError } from '@unet-fleet/law';
import { createRunFolder, identitySha256 } from '@unet-fleet/record';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { smallModel } from '../../../../test/helpers/small-model.ts';
import type { ControlAction, History, RunSummary, ServerMessage, Session } from '../protocol.ts';
import type { LivePort } from './live-port.ts';
import { type Dashboard, serveDashboard } from './serve.ts';

const tokens = { view: 'view-token-of-22-signs', control: 'ctrl-token-of-22-signs' };
const at = '2026-01-02T03:04:05.000Z';
let root: string;
let runDir: string;
let wishes: [ControlAction, string][];
let dashboard: Dashboard | null = null;

const status = (): LiveStatus => ({
  ...{ at, runId: 'r', term: 1, pid: 1, state: 'training', step: 1, numSteps: 10, checkpoint: null },
  ...{ workers: [], awaited: [], facts: [], isPaused: false, stopsAfterEpoch: false },
});
const port: LivePort = {
  status: async () => status(),
  followed: async () => ['b'],
  control: async (wish, by) => {
    wishes.push([wish, by]);
    return { ok: true, message: 'done' };
  },
  segment: async (photo) => {
    if (photo.length < 4) throw new UserError('it is no photo');
    return { step: 3, width: 1, height: 1, classes: Uint8Array.of(1), rgb: Uint8Array.of(1, 2, 3) };
  },
};

const line = (value: object) =>
  appendFileSync(join(runDir, 'metrics.jsonl'), `${JSON.stringify({ at, ...value })}\n`);
const step = (n: number) => ({
  ...{ type: 'step', epoch: 1, stepInEpoch: n, step: n, loss: 1 / n, learningRate: 0.1, numImages: 4 },
  ...{ gradientNorm: 2, stepMs: 500, numWorkers: 1 },
});

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'dashboard-'));
  runDir = join(root, 'runs', '<b>run');
  wishes = [];
  for (const name of ['photos', 'masks', 'page']) mkdirSync(join(root, name));
  writeFileSync(join(root, 'page', 'index.html'), '<p>page</p>');
  writeFileSync(join(root, 'secret.png'), 'secret');
  for (const [index, id] of ['a', 'b', 'secret'].entries()) {
    const picture = (channels: 1 | 3, value: number) =>
      sharp({ create: { width: 32, height: 16, channels: 3, background: { r: value, g: value, b: value } } })
        .toColourspace(channels === 1 ? 'b-w' : 'srgb')
        .png()
        .toBuffer();
    writeFileSync(join(root, 'photos', `${id}.png`), await picture(3, 90));
    writeFileSync(join(root, 'masks', `${id}.png`), await picture(1, index === 1 ? 255 : 1));
  }
  const config = loadConfig({
    flags: { images: join(root, 'photos'), masks: join(root, 'masks'), size: '32x16', ignoreIndex: 255 },
  });
  createRunFolder(runDir, {
    config,
    record: {
      ...{
        formatVersion: 1,
        runId: 'r',
        createdAt: at,
        identitySha256: identitySha256(config),
        dataSha256: 'd',
      },
      ...{ engineThreads: 1, classNames: ['none', '<i>coat'], versions: {} },
      model: smallModel({ baseWidth: 4 }),
    },
    split: { train: ['a', 'secret'], validation: ['b'] },
  });
  line({ type: 'run-started', numStepsDone: 0, numSteps: 10 });
  line(step(1));
});

afterEach(async () => {
  await dashboard?.close('over');
  dashboard = null;
  rmSync(root, { recursive: true, force: true });
});

/** Returns the server's address. */
async function serve(host = '127.0.0.1', isLive = true): Promise<string> {
  const shown = isLive
    ? { runDir, port, plan: { numStepsPerEpoch: 5, numEpochs: 2 } }
    : { folder: join(root, 'runs') };
  dashboard = await serveDashboard({
    host,
    ports: [0],
    tokens,
    version: '1',
    page: `${join(root, 'page')}/`,
    shown,
  });
  return `http://127.0.0.1:${dashboard.port}/`;
}

const name = () => encodeURIComponent(basename(runDir));
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const answerOf = async (address: string, init?: RequestInit) => {
  const response = await fetch(address, init);
  return { status: response.status, body: await response.text() };
};
const jsonOf = async <T>(address: string, init?: RequestInit) =>
  (await (await fetch(address, init)).json()) as T;

interface Page {
  socket: WebSocket;
  messages: ServerMessage[];
  next(type: ServerMessage['type']): Promise<ServerMessage>;
  closed: Promise<number>;
}

function open(address: string, token: string | null, headers: Record<string, string> = {}): Page {
  const protocols = ['unet-fleet.1', ...(token ? [`token.${token}`] : [])];
  const socket = new WebSocket(`${address.replace('http', 'ws')}live`, protocols, { headers });
  const messages: ServerMessage[] = [];
  const waiting: { type: string; resolve(message: ServerMessage): void }[] = [];
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as ServerMessage;
    messages.push(message);
    for (const one of waiting.filter(({ type }) => type === message.type)) {
      waiting.splice(waiting.indexOf(one), 1);
      one.resolve(message);
    }
  });
  const closed = new Promise<number>((resolve) => {
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode!));
    socket.on('close', (code) => resolve(code));
    socket.on('error', () => {});
  });
  return {
    socket,
    messages,
    closed,
    next: (type) => new Promise((resolve) => waiting.push({ type, resolve })),
  };
}

describe('a page', () => {
  test('is told of the run, has its history, and hears what comes', async () => {
    const address = await serve();
    expect(await answerOf(address)).toEqual({ status: 200, body: '<p>page</p>' });
    expect(await jsonOf<Session>(`${address}api/session`)).toEqual({
      liveRun: '<b>run',
      canControl: false,
      version: '1',
    });
    const page = open(address, null);
    expect(await page.next('hello')).toMatchObject({ runName: '<b>run', canControl: false });
    expect(await page.next('status')).toMatchObject({ status: { step: 1, epoch: 1 } });
    const history = await jsonOf<History>(`${address}api/runs/${name()}/history`);
    expect(history).toMatchObject({
      followed: ['b'],
      classNames: ['none', '<i>coat'],
      curves: { trainLoss: [[1, 1]] },
    });
    const update = page.next('update');
    line(step(2));
    expect(await update).toMatchObject({ curves: { trainLoss: [[2, 0.5]] } });
    await dashboard!.close('the run is over');
    dashboard = null;
    expect(await page.closed).toBe(1001);
  });

  test('has photos and masks of the validation set at training size, and of nothing else', async () => {
    const samples = `${await serve()}api/runs/${name()}/samples`;
    const photo = await fetch(`${samples}/b/photo`);
    expect(photo.headers.get('content-type')).toBe('image/jpeg');
    expect(await sharp(Buffer.from(await photo.arrayBuffer())).metadata()).toMatchObject({
      width: 32,
      height: 16,
    });
    const truth = await fetch(`${samples}/b/truth`);
    expect(Object.fromEntries(truth.headers)).toMatchObject({
      'x-width': '32',
      'x-height': '16',
      'x-bytes-per-pixel': '1',
    });
    expect(new Uint8Array(await truth.arrayBuffer())).toEqual(new Uint8Array(32 * 16).fill(255));
    for (const id of ['a', 'secret', '..%2Fsecret', '..%2Fphotos%2Fb', '%00', '%2Fetc%2Fpasswd']) {
      expect([id, (await answerOf(`${samples}/${id}/photo`)).status]).toEqual([id, 404]);
    }
  });

  test('gives a photo to segment, and is told what is wrong with it', async () => {
    const address = await serve();
    const good = await answerOf(`${address}api/segment`, { method: 'POST', body: Buffer.alloc(9) });
    expect(good.body).toBe('{"step":3,"width":1,"height":1,"bytesPerPixel":1}\n\x01\x02\x03\x01');
    expect(await answerOf(`${address}api/segment`, { method: 'POST', body: Buffer.alloc(1) })).toEqual({
      status: 422,
      body: '{"error":"it is no photo"}',
    });
  });
});

describe('without the control token', () => {
  test.each<[string, string | null]>([
    ['no token', null],
    ['the view token', tokens.view],
    ['a wrong token', `${tokens.control}x`],
  ])('nothing is steered with %s', async (_, token) => {
    const page = open(await serve(), token);
    await page.next('hello');
    const wanted: ControlAction[] = [
      { action: 'pause' },
      { action: 'resume' },
      { action: 'checkpoint' },
      { action: 'drain', worker: 'a' },
      { action: 'stop-after-epoch', isWanted: true },
      { action: 'learning-rate', rate: 1 },
      { action: 'follow', ids: ['b'] },
    ];
    for (const [id, wish] of wanted.entries()) {
      const reply = page.next('reply');
      page.socket.send(JSON.stringify({ type: 'control', id, ...wish }));
      expect(await reply).toMatchObject({ id, ok: false, message: expect.stringContaining('control token') });
    }
    expect(wishes).toEqual([]);
  });

  test('all who watch are told which photos are followed from now on', async () => {
    const address = await serve();
    const [watcher, chooser] = [open(address, null), open(address, tokens.control)];
    await Promise.all([watcher.next('hello'), chooser.next('hello')]);
    const told = watcher.next('followed');
    chooser.socket.send(JSON.stringify({ type: 'control', id: 1, action: 'follow', ids: ['b'] }));
    expect(await told).toEqual({ type: 'followed', ids: ['b'] });
  });

  test('with it, each wish reaches the run with who had it', async () => {
    const page = open(await serve(), tokens.control);
    await page.next('hello');
    const reply = page.next('reply');
    page.socket.send(JSON.stringify({ type: 'control', id: 4, action: 'learning-rate', rate: 0.5 }));
    expect(await reply).toMatchObject({ id: 4, ok: true, message: 'done' });
    expect(wishes).toMatchObject([
      [{ action: 'learning-rate', rate: 0.5 }, expect.stringContaining('127.0.0.1')],
    ]);
  });
});

describe('what is refused', () => {
  test('everything of the run without a token, where the server is not on loopback', async () => {
    const address = await serve('0.0.0.0');
    for (const path of ['session', 'runs', `runs/${name()}/history`, `runs/${name()}/samples/b/photo`]) {
      expect((await answerOf(`${address}api/${path}`)).status).toBe(401);
      expect((await answerOf(`${address}api/${path}`, bearer(tokens.view))).status).toBe(200);
    }
    expect((await answerOf(`${address}api/segment`, { method: 'POST', body: 'abcdef' })).status).toBe(401);
    expect(await open(address, null).closed).toBe(401);
    expect(await open(address, tokens.view).next('hello')).toMatchObject({ canControl: false });
  });

  test.each<[string, Record<string, string>]>([
    ['a page of another origin', { origin: 'http://evil.example' }],
    ['a picture or script elsewhere', { 'sec-fetch-site': 'cross-site' }],
    ['a name that leads here', { host: 'evil.example' }],
  ])('%s, with any token', async (_, headers) => {
    const address = await serve();
    const answered = new Promise<number>((resolve) =>
      request(
        `${address}api/session`,
        { headers: { ...headers, ...bearer(tokens.control).headers } },
        (response) => {
          response.resume();
          resolve(response.statusCode!);
        },
      ).end(),
    );
    expect(await answered).toBe(403);
    expect(await open(address, tokens.control, headers).closed).toBe(403);
  });

  test('messages that are too large or none of the page, and photos that are too large', async () => {
    const address = await serve();
    const large = open(address, tokens.control);
    await large.next('hello');
    large.socket.send(JSON.stringify({ type: 'control', id: 1, action: 'pause', more: 'x'.repeat(200_000) }));
    expect(await large.closed).toBe(1009);
    for (const text of [
      '',
      '{}',
      '[]',
      '{"type":"control","id":1,"action":"pause","more":1}',
      '{"type":"control","id":-1,"action":"pause"}',
    ]) {
      const page = open(address, tokens.control);
      await page.next('hello');
      page.socket.send(text);
      expect([text, await page.closed]).toEqual([text, 1008]);
    }
    expect(wishes).toEqual([]);
    const told = new Promise<number>((resolve) =>
      request(
        `${address}api/segment`,
        { method: 'POST', headers: { 'content-length': String(33 * 2 ** 20) } },
        (response) => resolve(response.statusCode!),
      ).flushHeaders(),
    );
    expect(await told).toBe(413);
  });

  test('paths that name nothing, and requests that are none', async () => {
    const address = await serve();
    const paths = [
      '%2e%2e/secret.png',
      '../secret.png',
      'api/',
      'api/runs/..%2f..',
      'api/runs/x/history',
      'api/%E0%A4%A',
    ];
    for (const path of [...paths, `api/runs/${name()}/evaluations/-1`, `api/runs/${name()}/dashboard.json`]) {
      expect([path, Math.floor((await answerOf(address + path)).status / 100)]).toEqual([path, 4]);
    }
    const raw = connect(dashboard!.port, '127.0.0.1');
    raw.end('GET /../../secret.png HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    let said = '';
    for await (const chunk of raw) said += String(chunk);
    expect(said).toMatch(/^HTTP\/1\.1 404/);
    expect((await answerOf(`${address}api/session`, { method: 'DELETE' })).status).toBe(405);
  });
});

test('a page that does not read is behind when it does, and those beside it miss nothing', async () => {
  const address = await serve();
  const [stuck, page] = [open(address, null), open(address, null)];
  await Promise.all([stuck.next('status'), page.next('status')]);
  stuck.socket.pause();
  // More than the sockets of both ends hold.
  const [numRounds, numLines, text] = [5, 1_500, 'x'.repeat(1_900)];
  for (let round = 1; round <= numRounds; round++) {
    const told = page.next('update');
    for (let n = 0; n < numLines; n++) line({ type: 'warning', message: `${round} ${n} ${text}` });
    await told;
  }
  const events = page.messages.flatMap((message) => (message.type === 'update' ? message.events : []));
  expect(events.length).toBe(numRounds * numLines);
  expect(page.messages.map(({ type }) => type)).not.toContain('behind');
  const behind = stuck.next('behind');
  stuck.socket.resume();
  await behind;
  expect(stuck.messages.filter(({ type }) => type === 'update').length).toBeLessThan(numRounds);
});

test('the runs of a folder, where none is live', async () => {
  const address = await serve('127.0.0.1', false);
  expect(await jsonOf<Session>(`${address}api/session`)).toMatchObject({ liveRun: null, canControl: false });
  const runs = await jsonOf<RunSummary[]>(`${address}api/runs`);
  expect(runs).toMatchObject([{ name: '<b>run', state: 'interrupted', step: 1 }]);
  line(step(2));
  expect(await jsonOf<RunSummary[]>(`${address}api/runs`)).toMatchObject([{ step: 2 }]);
  expect((await answerOf(`${address}api/segment`, { method: 'POST', body: 'abcdef' })).status).toBe(409);
  expect(await open(address, tokens.control).closed).toBe(404);
});
