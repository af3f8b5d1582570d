/** A thread of the command: simulates the ranges of seeds that it is given, one after another. */
import { Starter } from '@unet-fleet/shared/threads';
import { mutants } from './mutants.ts';
import { simulateRange } from './ranges.ts';

export type RangeFunctions = typeof functions;

const functions = {
  simulate: (first: number, numSeeds: number, mutant: string | null) =>
    simulateRange(first, numSeeds, mutants.find(({ name }) => name === mutant) ?? null),
};

new Starter().serve(functions);
