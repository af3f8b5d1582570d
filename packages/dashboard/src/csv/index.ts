/** A run's metrics as CSV files, for who plots them with other tools. */
import { renameSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '@unet-fleet/law';
import { openRunFolder, runPaths, standingEventsIn } from '@unet-fleet/record';
import { atExit, explained, makeFolder } from '@unet-fleet/shared';
import { row } from './cells.ts';
import { type Table, tables } from './tables.ts';

export interface WrittenTable {
  path: string;
  /** Without the one of names. */
  numRows: number;
  sizeBytes: number;
}

/** Rows are written in pieces of about this size, however long the run. */
const pieceCharacters = 256 * 1024;

/**
 * Writes the tables of a run into `folder`, in place of those of the same names. Throws a UserError if `runDir` holds no
 * run, or the folder can't be written.
 */
export async function writeTables(runDir: string, folder: string): Promise<WrittenTable[]> {
  const classNames = openRunFolder(runDir).record.classNames.map((name) => printable(name));
  const files: TableFile[] = [];
  try {
    makeFolder(folder);
    for (const table of tables) files.push(await TableFile.create(folder, table, classNames));
    for (const event of standingEventsIn(runPaths(runDir).metrics)) {
      for (const file of files) {
        file.add(event);
        if (file.isFull) await file.flush();
      }
    }
    const written: WrittenTable[] = [];
    for (const file of files) written.push(await file.finish());
    return written;
  } catch (error) {
    for (const file of files) await file.discard();
    throw explained(error, { what: 'the tables', path: folder });
  }
}

class TableFile {
  readonly #folder: string;
  readonly #table: Table;
  readonly #classNames: readonly string[];
  readonly #file: FileHandle;
  readonly #isGone: () => void;
  #text: string;
  #numRows = 0;
  #sizeBytes = 0;

  private constructor(folder: string, table: Table, classNames: readonly string[], file: FileHandle) {
    this.#folder = folder;
    this.#table = table;
    this.#classNames = classNames;
    this.#file = file;
    this.#text = row(table.columns(classNames));
    this.#isGone = atExit(() => rmSync(temporaryOf(folder, table), { force: true }));
  }

  static async create(folder: string, table: Table, classNames: readonly string[]): Promise<TableFile> {
    return new TableFile(folder, table, classNames, await open(temporaryOf(folder, table), 'w'));
  }

  get isFull(): boolean {
    return this.#text.length >= pieceCharacters;
  }

  add(event: Parameters<Table['rows']>[0]): void {
    for (const cells of this.#table.rows(event, this.#classNames)) {
      this.#text += row(cells);
      this.#numRows++;
    }
  }

  async flush(): Promise<void> {
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    await this.#file.writeFile(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** Puts it under its name. */
  async finish(): Promise<WrittenTable> {
    await this.flush();
    await this.#file.close();
    const path = join(this.#folder, this.#table.name);
    renameSync(temporaryOf(this.#folder, this.#table), path);
    this.#isGone();
    return { path, numRows: this.#numRows, sizeBytes: this.#sizeBytes };
  }

  async discard(): Promise<void> {
    await this.#file.close();
    rmSync(temporaryOf(this.#folder, this.#table), { force: true });
    this.#isGone();
  }
}

const temporaryOf = (folder: string, { name }: Table): string => join(folder, `.tmp-${name}-${process.pid}`);
