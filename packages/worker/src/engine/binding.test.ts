/** What a person hears when the engine is not there, or not as asked for. */
import { UserError } from '@unet-fleet/law';
import { beforeEach, expect, it, vi } from 'vitest';
import { loadBinding } from './binding.ts';

const { existsSync } = vi.hoisted(() => ({ existsSync: vi.fn(() => true) }));
vi.mock('node:fs', async (original) => ({ ...(await original<typeof import('node:fs')>()), existsSync }));

const failure = (device: 'cpu' | 'gpu'): unknown => {
  try {
    loadBinding({ device, intraOpThreads: 1 });
  } catch (error) {
    return error;
  }
  return null;
};

beforeEach(() => {
  vi.stubEnv('UNET_FLEET_ENGINE_SETTINGS', undefined);
});

it('tells to set up an engine that was never built', () => {
  existsSync.mockReturnValueOnce(false);
  const error = failure('cpu');
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toBe('the TensorFlow engine is not installed: run `npx unet-fleet setup`');
});

it('refuses to compute on the processor where a GPU was asked for', () => {
  vi.stubEnv('CUDA_VISIBLE_DEVICES', '-1');
  const error = failure('gpu');
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toContain(
    'TensorFlow finds no GPU here: run `npx unet-fleet setup --gpu`',
  );
});
