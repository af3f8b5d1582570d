import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FetchError } from './bulk.ts';
import { type BulkKey, runTagOf } from './frame.ts';
import { ShmInbox, ShmOutbox } from './shm-bulk.ts';
import { realShmFiles, type ShmFiles } from './shm-files.ts';

const tag = runTagOf('run');
const format = 'float32';
const gradient: BulkKey = { kind: 'gradient', term: 1, version: 4, level: 0, index: 2, format };
const weights = (version: number): BulkKey => ({
  ...{ kind: 'weights', term: 1, version, level: 0, index: 0, format },
});
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'shm-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('bulk transfer through files', () => {
  it('hands a bucket over as it was when it was offered', async () => {
    const outbox = new ShmOutbox(folder, tag, 'worker.1');
    const inbox = new ShmInbox(folder, tag);
    const bytes = Uint8Array.from([1, 2, 3, 4]);
    outbox.offer(gradient, 9, bytes);
    bytes.fill(0);
    const into = new Uint8Array(4);
    await inbox.fetch('worker.1', gradient, 9, into);
    expect([...into]).toEqual([1, 2, 3, 4]);
    await inbox.close();
    await outbox.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('uses the file of a gradient that was withdrawn again, and no longer gives that gradient out', async () => {
    const outbox = new ShmOutbox(folder, tag, 'worker.1');
    const inbox = new ShmInbox(folder, tag);
    const into = new Uint8Array(1);
    outbox.offer(gradient, 0, Uint8Array.of(1));
    await inbox.fetch('worker.1', gradient, 0, into);
    outbox.withdraw(({ index }) => index !== 2);
    await expect(inbox.fetch('worker.1', gradient, 0, into)).rejects.toMatchObject({ reason: 'absent' });
    outbox.offer({ ...gradient, index: 3 }, 0, Uint8Array.of(2));
    await inbox.fetch('worker.1', { ...gradient, index: 3 }, 0, into);
    expect(into[0]).toBe(2);
    expect(readdirSync(folder)).toHaveLength(1);
    await outbox.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes on when the coordinator has removed its files, or the whole memory', async () => {
    const outbox = new ShmOutbox(folder, tag, 'worker.1');
    const inbox = new ShmInbox(folder, tag);
    for (const index of [0, 1, 2]) outbox.offer({ ...gradient, index }, 0, Uint8Array.of(index));
    outbox.withdraw(({ index }) => index !== 0);
    inbox.cancel('worker.1');
    expect(readdirSync(folder)).toEqual([]);
    outbox.withdraw(() => false);
    outbox.offer({ ...gradient, index: 3 }, 0, Uint8Array.of(7));
    const into = new Uint8Array(1);
    await inbox.fetch('worker.1', { ...gradient, index: 3 }, 0, into);
    expect(into[0]).toBe(7);

    rmSync(folder, { recursive: true });
    outbox.withdraw(() => false);
    expect(() => outbox.offer(gradient, 0, Uint8Array.of(1))).toThrow(
      expect.objectContaining({ name: 'FetchError', reason: 'closed' }),
    );
    await outbox.close();
    mkdirSync(folder);
  });

  it('keeps two versions of the weights, and refuses older ones', async () => {
    const outbox = new ShmOutbox(folder, tag, 'coordinator.t1-r0');
    const inbox = new ShmInbox(folder, tag);
    for (const version of [1, 2, 3]) outbox.offer(weights(version), 0, Uint8Array.of(version));
    const into = new Uint8Array(1);
    await inbox.fetch('coordinator.t1-r0', weights(2), 0, into);
    expect(into[0]).toBe(2);
    await expect(inbox.fetch('coordinator.t1-r0', weights(1), 0, into)).rejects.toMatchObject({
      reason: 'absent',
    });
    await inbox.close();
    await outbox.close();
  });

  it('refuses what was damaged, cut, or never there', async () => {
    const outbox = new ShmOutbox(folder, tag, 'worker.1');
    outbox.offer(gradient, 0, Uint8Array.from([1, 2, 3, 4]));
    const [file] = readdirSync(folder);
    const path = join(folder, file!);
    const good = readFileSync(path);
    const into = new Uint8Array(4);
    const fetch = () => new ShmInbox(folder, tag).fetch('worker.1', gradient, 0, into);
    const damaged = Buffer.from(good);
    damaged[20]! ^= 1;
    writeFileSync(path, damaged);
    await expect(fetch()).rejects.toMatchObject({ reason: 'damaged' });
    writeFileSync(path, good.subarray(0, 50));
    await expect(fetch()).rejects.toMatchObject({ reason: 'damaged' });
    writeFileSync(path, good);
    await fetch();
    await expect(new ShmInbox(folder, tag).fetch('worker.2', gradient, 0, into)).rejects.toMatchObject({
      reason: 'absent',
    });
    await outbox.close();
  });

  it('gives nothing out that is written while it is read', async () => {
    const moments: (() => void)[] = [];
    /** Stops between two calls of the system, as a process does. */
    const slowFiles: ShmFiles = {
      ...realShmFiles,
      write(file, header, bytes) {
        realShmFiles.write(file, header, bytes);
        moments.shift()?.();
      },
    };
    const outbox = new ShmOutbox(folder, tag, 'worker.1', slowFiles);
    const into = new Uint8Array(4);
    const refused: string[] = [];
    const fetch = () =>
      new ShmInbox(folder, tag)
        .fetch('worker.1', gradient, 0, into)
        .then(() => 'had')
        .catch((error: FetchError) => error.reason);
    let duringWrite: Promise<string> | null = null;
    outbox.offer(gradient, 0, Uint8Array.from([1, 2, 3, 4]));
    moments.push(() => {
      duringWrite = fetch();
    });
    outbox.offer(gradient, 0, Uint8Array.from([5, 6, 7, 8]));
    refused.push((await duringWrite)!);
    expect(await fetch()).toBe('had');
    expect([...into]).toEqual([5, 6, 7, 8]);

    // The other way round: the same key is written again between a reader's two looks.
    const files: ShmFiles = {
      ...realShmFiles,
      read(path, vectors, headerAfter) {
        const numBytes = realShmFiles.read(path, vectors, headerAfter);
        outbox.offer(gradient, 0, Uint8Array.from([9, 9, 9, 9]));
        realShmFiles.read(path, [headerAfter, new Uint8Array(4)], Buffer.alloc(48));
        return numBytes;
      },
    };
    const slow = new ShmInbox(folder, tag, files).fetch('worker.1', gradient, 0, into);
    refused.push(await slow.then(() => 'had').catch((error: FetchError) => error.reason));
    expect(refused).toEqual(['absent', 'absent']);
    await outbox.close();
  });

  it('knows whether what was taken early is still what is offered', () => {
    const outbox = new ShmOutbox(folder, tag, 'worker.1');
    const inbox = new ShmInbox(folder, tag);
    const into = new Uint8Array(2);
    const take = () => inbox.takeIfThere('worker.1', gradient, 0, into);
    const stands = (mark: Uint8Array) => inbox.stands('worker.1', gradient, 0, mark);
    expect(take()).toBeNull();
    outbox.offer({ ...gradient, version: 3 }, 0, Uint8Array.of(1, 1));
    expect(take()).toBeNull();
    outbox.offer(gradient, 0, Uint8Array.of(2, 3));
    const mark = take()!;
    expect([...into]).toEqual([2, 3]);
    expect(stands(mark)).toBe(true);
    // The same bytes: who looks can't know that.
    outbox.offer(gradient, 0, Uint8Array.of(2, 3));
    expect(stands(mark)).toBe(false);
    const again = take()!;
    outbox.withdraw(() => false);
    expect(stands(again)).toBe(false);
    expect(take()).toBeNull();
  });

  it('finds the files that a peer made when it joined anew', async () => {
    const inbox = new ShmInbox(folder, tag);
    const into = new Uint8Array(1);
    for (const version of [1, 2]) {
      const outbox = new ShmOutbox(folder, tag, 'worker.1');
      outbox.offer({ ...gradient, version }, 0, Uint8Array.of(version));
      await inbox.fetch('worker.1', { ...gradient, version }, 0, into);
      expect(into[0]).toBe(version);
      await outbox.close();
    }
    await inbox.close();
  });

  it('removes what a peer has left, and nothing else', async () => {
    const peers = ['worker.1', 'worker.12', 'worker-1.1'];
    const outboxes = peers.map((peer) => new ShmOutbox(folder, tag, peer));
    for (const outbox of outboxes) outbox.offer(gradient, 0, Uint8Array.of(7));
    const inbox = new ShmInbox(folder, tag);
    await inbox.fetch('worker.1', gradient, 0, new Uint8Array(1));
    inbox.cancel('worker.1');
    expect(readdirSync(folder).sort()).toEqual(['worker-1.1-g0-2-0', 'worker.12-g0-2-0']);
    await expect(inbox.fetch('worker.1', gradient, 0, new Uint8Array(1))).rejects.toMatchObject({
      reason: 'absent',
    });
    for (const outbox of outboxes) await outbox.close();
    await inbox.close();
  });

  it('takes no name that could leave the folder', async () => {
    for (const name of ['../x', '..', '../a.b', 'a.b/../c', '/a.b', 'a.b\0']) {
      const fetch = new ShmInbox(folder, tag).fetch(name, gradient, 0, new Uint8Array(1));
      await expect(fetch).rejects.toThrow(/not a peer/);
    }
  });
});
