/**
 * A disk in memory that can lose its power between any two operations. It knows what a real one promises: data is safe
 * once its file was synced, a name once its folder was. What was not synced may be there afterwards or not, so a crash
 * has several outcomes, and each is written out to a real folder to be read by the real code.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileOperations } from '@unet-fleet/record';

interface FileNode {
  chunks: Uint8Array[];
  numSynced: number;
}

interface FolderNode {
  entries: Map<string, Node>;
  synced: Map<string, Node>;
}

type Node = FileNode | FolderNode;

/** The power is gone. */
export class Crash extends Error {}

/**
 * everything: the process was killed, the machine lives on · synced: nothing survives but what was synced ·
 * names: names reached the disk, unsynced data did not, as file systems with delayed allocation do
 */
export const outcomes = ['everything', 'synced', 'names'] as const;
export type Outcome = (typeof outcomes)[number];

const isFolder = (node: Node | undefined): node is FolderNode => node !== undefined && 'entries' in node;
const newFolder = (): FolderNode => ({ entries: new Map(), synced: new Map() });

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code, syscall: 'memory', path });
}

export class MemoryDisk implements FileOperations {
  readonly #root: FolderNode;
  readonly #open = new Map<number, Node>();
  #nextFile = 3;
  #crashAt = Number.POSITIVE_INFINITY;
  #numOperations = 0;

  constructor(root: FolderNode = newFolder()) {
    this.#root = root;
  }

  /** Operations that change something, so far. */
  get numOperations(): number {
    return this.#numOperations;
  }

  /** A copy on which everything is synced, and whose power goes at this operation, counted from 1. */
  copy(crashAt = Number.POSITIVE_INFINITY): MemoryDisk {
    const copy = new MemoryDisk(structuredClone(this.#root));
    syncAll(copy.#root);
    copy.#crashAt = crashAt;
    return copy;
  }

  open(path: string, flags: string): number {
    const { folder, name, node } = this.#find(path);
    if (flags === 'wx') {
      if (node) throw systemError('EEXIST', path);
      this.#step();
      folder.entries.set(name, { chunks: [], numSynced: 0 });
    } else if (!node) throw systemError('ENOENT', path);
    this.#open.set(this.#nextFile, folder.entries.get(name)!);
    return this.#nextFile++;
  }

  write(file: number, bytes: Uint8Array): number {
    const node = this.#open.get(file) as FileNode;
    try {
      this.#step();
    } catch (error) {
      // It was on its way.
      node.chunks.push(bytes.slice(0, bytes.length >> 1));
      throw error;
    }
    node.chunks.push(bytes.slice());
    return bytes.length;
  }

  sync(file: number): void {
    this.#step();
    const node = this.#open.get(file)!;
    if (isFolder(node)) node.synced = new Map(node.entries);
    else node.numSynced = node.chunks.length;
  }

  close(file: number): void {
    this.#open.delete(file);
  }

  makeFolder(path: string): void {
    const { folder, name, node } = this.#find(path, true);
    if (node) return;
    this.#step();
    folder.entries.set(name, newFolder());
  }

  rename(from: string, to: string): void {
    const source = this.#find(from);
    const target = this.#find(to);
    if (!source.node) throw systemError('ENOENT', from);
    if (isFolder(target.node) && target.node.entries.size > 0) throw systemError('ENOTEMPTY', to);
    this.#step();
    source.folder.entries.delete(source.name);
    target.folder.entries.set(target.name, source.node);
  }

  /** One operation for each file and folder in it, as the system has it. */
  remove(path: string): void {
    const { folder, name, node } = this.#find(path);
    if (!node) return;
    if (isFolder(node)) for (const child of [...node.entries.keys()]) this.remove(join(path, child));
    this.#step();
    folder.entries.delete(name);
  }

  exists(path: string): boolean {
    return this.#find(path).node !== undefined;
  }

  list(path: string): string[] {
    const { node } = this.#find(path);
    if (!isFolder(node)) throw systemError('ENOENT', path);
    return [...node.entries.keys()];
  }

  /** Writes what this outcome leaves below a real folder; its path on this disk is '/'. */
  writeOut(outcome: Outcome, to: string): void {
    writeFolder(this.#root, outcome, to);
  }

  #step(): void {
    // Whoever handles the crash finds the disk as dead as the crash left it.
    if (++this.#numOperations >= this.#crashAt) throw new Crash('the power is gone');
  }

  #find(path: string, makeParents = false): { folder: FolderNode; name: string; node: Node | undefined } {
    const parts = path.split('/').filter((part) => part !== '');
    const name = parts.pop() ?? '.';
    let folder = this.#root;
    for (const part of parts) {
      let next = folder.entries.get(part);
      if (!next && makeParents) {
        this.#step();
        next = newFolder();
        folder.entries.set(part, next);
      }
      if (!isFolder(next)) return { folder: newFolder(), name, node: undefined };
      folder = next;
    }
    return { folder, name, node: name === '.' ? this.#root : folder.entries.get(name) };
  }
}

function syncAll(node: Node): void {
  if (!isFolder(node)) {
    node.numSynced = node.chunks.length;
    return;
  }
  for (const child of node.entries.values()) syncAll(child);
  node.synced = new Map(node.entries);
}

function writeFolder({ entries, synced }: FolderNode, outcome: Outcome, path: string): void {
  mkdirSync(path, { recursive: true });
  for (const [name, node] of outcome === 'synced' ? synced : entries) {
    const child = join(path, name);
    if (isFolder(node)) writeFolder(node, outcome, child);
    else {
      mkdirSync(dirname(child), { recursive: true });
      const numChunks = outcome === 'everything' ? node.chunks.length : node.numSynced;
      writeFileSync(child, Buffer.concat(node.chunks.slice(0, numChunks)));
    }
  }
}
