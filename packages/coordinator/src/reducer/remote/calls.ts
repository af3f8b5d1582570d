/**
 * Calls of a reducer in another process as bytes, and what becomes of bytes that should be one. Both ends have a Link, as
 * two threads have; here is what that says, with a schema for each function's arguments and answer, that what arrives must
 * pass before anything is done with it. State does not go with calls: see StateCarrier.
 */
import type { Arguments, LinkMessage } from '@unet-fleet/shared/threads';
import { maxDialogueMessageBytes } from '@unet-fleet/wire';
import { decode, encode } from '@unet-fleet/wire/protocol/messages';
import { z } from 'zod';
import type { ReducerListener, ReducerThreadFunctions } from '../thread.ts';

/** What a reducer in another process can be asked for. */
export type RemoteFunctions = Omit<ReducerThreadFunctions, 'load' | 'save'> & {
  /** Fetches its part of the state of this version, and offers it as weights. */
  load(version: number): Promise<void>;
  /** Copies its part of the state, and offers that under the number that it answers. */
  save(): Promise<number>;
  /** The snapshot of this number has been fetched. */
  saved(snapshot: number): Promise<void>;
};

type Answer<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

interface Codec<F> {
  args: z.ZodType<Arguments<F>>;
  answer: z.ZodType<Answer<F>>;
  /** What of an answer no message has as it is. */
  pack?(answer: Answer<F>): unknown;
}

const count = z.number().int().nonnegative().max(0xffffffff);
/** Infinity among them. */
const real = z.custom<number>((value) => typeof value === 'number');
const text = z.string().max(2_000);
const node = z.object({ level: count.max(64), index: count });
/** A copy: what arrives lies in a message. */
const bytes = z
  .custom<Uint8Array>((value) => value instanceof Uint8Array)
  .transform((value) => Uint8Array.from(value));
const doubles = bytes
  .refine(({ byteLength }) => byteLength % 8 === 0)
  .transform(({ buffer }) => new Float64Array(buffer));
const nothing = z.null().transform(() => {}) as unknown as z.ZodType<void>;

const histogram = z.object({
  bins: z.array(count),
  counts: z.array(real),
  min: real,
  max: real,
  sum: real,
  sumOfSquares: real,
});
const update = z.object({
  numLeaves: count,
  skippedLeaves: z.array(count),
  scalars: z.object({ scale: real, normCoefficient: real, learningRate: real, updateIndex: count }),
});
const delivery = z.object({ node, peer: text, numBytes: real, digest: bytes });

const codecs: { [Name in keyof RemoteFunctions]: Codec<RemoteFunctions[Name]> } = {
  load: { args: z.tuple([count]), answer: nothing },
  save: { args: z.tuple([]), answer: count },
  saved: { args: z.tuple([count]), answer: nothing },
  collect: { args: z.tuple([text, z.boolean(), count, node, count]), answer: text.nullable() },
  expect: { args: z.tuple([text, count, z.array(node).max(65_536)]), answer: nothing },
  sumsOfSquares: {
    args: z.tuple([count]),
    answer: z.array(z.object({ bucket: count, blocks: doubles })),
    pack: (squares) =>
      squares.map(({ bucket, blocks: { buffer, byteOffset, byteLength } }) => ({
        bucket,
        blocks: new Uint8Array(buffer, byteOffset, byteLength),
      })),
  },
  apply: { args: z.tuple([update, z.boolean()]), answer: nothing },
  hashes: {
    args: z.tuple([]),
    answer: z.array(
      z.object({ bucket: count, root: bytes.nullable(), deliveries: z.array(delivery).max(65_536) }),
    ),
  },
  histograms: {
    args: z.tuple([count, z.array(z.object({ offset: real, size: real })).max(65_536)]),
    answer: z.array(z.object({ bucket: count, tensor: count, histogram })).nullable(),
  },
  forgetPeer: { args: z.tuple([text]), answer: nothing },
  close: { args: z.tuple([]), answer: nothing },
};

/** What a reducer tells the coordinator of its own accord. */
const told: { [Name in keyof ReducerListener]: z.ZodType<Arguments<ReducerListener[Name]>> } = {
  onFault: z.tuple([text, text]),
  onWait: z.tuple([text]),
};

const has = <Table extends object>(table: Table, name: string): name is keyof Table & string =>
  Object.hasOwn(table, name);

/** Names of all functions, for who serves them. */
export const remoteFunctionNames = Object.keys(codecs) as (keyof RemoteFunctions)[];

const thread = count.max(255);
const call = z.object({ thread, call: z.string().max(64), args: z.unknown(), id: count });
const answer = z.object({ thread, answer: count, value: z.unknown() });
const failure = z.object({
  thread,
  answer: count,
  failure: z.object({
    message: text,
    exitCode: count.max(255).nullable(),
    stack: z.string().max(20_000).optional(),
  }),
});
const tell = z.object({ thread, tell: z.string().max(64), args: z.unknown() });

export interface Heard {
  /** Of the process's reducers, from 0. */
  thread: number;
  message: LinkMessage;
}

export const encodeCall = (thread: number, message: LinkMessage): Uint8Array =>
  encode({ thread, ...message });

/** Of a call of this name. */
export function encodeAnswer(thread: number, name: string | undefined, message: LinkMessage): Uint8Array {
  if ('call' in message) return encode({ thread, tell: message.call, args: message.args });
  if ('failure' in message) {
    const { message: text, stack, exitCode } = message.failure;
    const shown = {
      message: text.slice(0, 2_000),
      exitCode,
      ...(stack && { stack: stack.slice(0, 20_000) }),
    };
    return encode({ thread, answer: message.answer, failure: shown });
  }
  const { pack } = codecs[name as keyof RemoteFunctions] as Codec<(...args: never[]) => unknown>;
  const value = message.value ?? null;
  return encode({ thread, answer: message.answer, value: pack ? pack(value) : value });
}

/** What the coordinator says; null where it is none. */
export function decodeCall(bytes: Uint8Array): Heard | null {
  const heard = decode(call, bytes, maxDialogueMessageBytes);
  if (!heard || !has(codecs, heard.call)) return null;
  const args = codecs[heard.call].args.safeParse(heard.args).data;
  if (!args) return null;
  return { thread: heard.thread, message: { call: heard.call, args: [...args], id: heard.id } };
}

/** What a reducer's process says; null where it is none. `nameOf`: of a call that has no answer yet. */
export function decodeAnswer(
  bytes: Uint8Array,
  nameOf: (thread: number, id: number) => string | undefined,
): Heard | null {
  const heard = decode(z.union([failure, answer, tell]), bytes, maxDialogueMessageBytes);
  if (!heard) return null;
  const { thread } = heard;
  if ('tell' in heard) {
    const args = has(told, heard.tell) ? told[heard.tell].safeParse(heard.args).data : undefined;
    return args ? { thread, message: { call: heard.tell, args: [...args], id: null } } : null;
  }
  const name = nameOf(thread, heard.answer);
  if (name === undefined || !has(codecs, name)) return null;
  if ('failure' in heard) return { thread, message: heard as LinkMessage };
  const { success, data } = codecs[name].answer.safeParse(heard.value);
  return success ? { thread, message: { answer: heard.answer, value: data } } : null;
}
