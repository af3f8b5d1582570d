import { exitCodes, UserError } from '@unet-fleet/shared';
import { FetchError } from '@unet-fleet/shared/transport/bulk';
import { expect, test } from 'vitest';
import { errorOf, failureOf, NodeUnavailable } from './failure.ts';

/** As between threads. */
const across = (error: unknown): Error => errorOf(structuredClone(failureOf(error)));

test('what a person can mend comes out of a reducer as one sentence with its exit code', () => {
  const error = across(new UserError('raise max_payload there', exitCodes.unavailable));
  expect(error).toBeInstanceOf(UserError);
  expect(error).toMatchObject({ message: 'raise max_payload there', exitCode: exitCodes.unavailable });
});

test('what the system refuses is told as such', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });
  const error = across(full);
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).toMatch(/no space is left on its disk \(ENOSPC\)/);
});

test('a gradient that is not to be had is no fault, and a bug keeps its stack', () => {
  expect(across(new FetchError('absent', 'worker.w is gone'))).toBeInstanceOf(NodeUnavailable);
  const bug = across(new TypeError('x is not a function'));
  expect(bug).not.toBeInstanceOf(UserError);
  expect(bug.message).toMatch(/x is not a function\n\s+at .*failure\.test/);
});
