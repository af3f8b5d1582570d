/** Which versions of the weights are validated: known beforehand, so that what is of interest then can be kept ready. */
import { numSteps, type PlanConfig, stepsPerEpoch } from '@unet-fleet/law';

export interface Cadence {
  plan: PlanConfig;
  /** Steps between validations; 0: at the end of every epoch. */
  validateEvery: number;
}

/** Whether this version, the weights after so many steps, is validated. The last always is. */
export function isValidated({ plan, validateEvery }: Cadence, version: number): boolean {
  if (version === numSteps(plan)) return true;
  return version % (validateEvery > 0 ? validateEvery : stepsPerEpoch(plan)) === 0;
}
