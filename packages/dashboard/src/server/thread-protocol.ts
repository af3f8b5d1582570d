/** What the server's thread and the coordinator's say to each other. Types alone. */
import type { ControlReply, LiveStatus, Segmentation } from '@unet-fleet/coordinator/live/live-run';
import type { ControlAction } from '../protocol.ts';
import type { Plan } from './head.ts';

export interface ThreadOptions {
  runDir: string;
  host: string;
  /** 0: any. */
  wantedPort: number;
  /** A run that goes on takes up the links of the start before. */
  isResumed: boolean;
  version: string;
  plan: Plan;
}

export type Question =
  | { what: 'status' }
  | { what: 'followed' }
  | { what: 'control'; action: ControlAction; by: string }
  | { what: 'segment'; photo: Uint8Array };

export interface Answers {
  status: LiveStatus;
  followed: readonly string[];
  control: ControlReply;
  segment: Segmentation;
}

export type FromThread =
  /** `takenPort`: the one that was to be, where it is not this one. */
  | { type: 'listening'; links: Links; takenPort: number | null }
  /** It serves nothing; the run goes on without. */
  | { type: 'failed'; message: string }
  | ({ type: 'question'; id: number } & Question)
  | { type: 'closed' };

export type ToThread =
  | { type: 'answer'; id: number; value: Answers[keyof Answers] }
  /** `isForVisitor`: the message is a sentence for whoever asked. */
  | { type: 'problem'; id: number; message: string; isForVisitor: boolean }
  | { type: 'close'; reason: string };

export interface Links {
  view: string;
  control: string;
}
