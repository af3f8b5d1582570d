/** What a Job does about a pod that failed, by the exit codes of unet-fleet: they are the contract of docs/exit-codes.md. */
import { exitCodes } from '@unet-fleet/law';
import type { Fields } from './objects.ts';

/** Would fail again just the same: bad input, and numbers that differ. */
const hopeless = [exitCodes.usage, exitCodes.differs];
/** Asked to leave, or ended by SIGTERM (128 + 15) while it was starting and could not answer yet. */
const onRequest = [exitCodes.leftOnRequest, 128 + 15];

/**
 * The rules, of which the first that fits decides. A pod that was evicted, preempted or deleted, or that left on request,
 * is replaced and not counted; what is hopeless ends the Job or the index at once; all else counts against the limit.
 */
export const podFailurePolicy = (containerName: string, hopelessAction: 'FailJob' | 'FailIndex'): Fields => ({
  rules: [
    { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    {
      action: hopelessAction,
      onExitCodes: { containerName, operator: 'In', values: hopeless },
    },
    {
      action: 'Ignore',
      onExitCodes: { containerName, operator: 'In', values: onRequest },
    },
  ],
});
