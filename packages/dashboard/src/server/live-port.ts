/** What the server needs of the run that is live, wherever that is: in this thread or another. */
import type { ControlReply, LiveStatus, Segmentation } from '@unet-fleet/coordinator';
import type { ControlAction } from '../protocol.ts';

export interface LivePort {
  status(): Promise<LiveStatus>;
  followed(): Promise<readonly string[]>;
  /** `by`: who asks, for the record. */
  control(action: ControlAction, by: string): Promise<ControlReply>;
  /** Encoded photo in. Throws a UserError with what the visitor should know. */
  segment(photo: Uint8Array): Promise<Segmentation>;
}
