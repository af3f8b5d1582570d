export * from './compare.ts';
export * from './format.ts';
export * from './replay.ts';
