/** Numeric kernels on float32 vectors: reduction, norm, optimizers. No I/O, no clock, no randomness. */
export * from './checksum.ts';
export * from './fold.ts';
export * from './formats.ts';
export * from './memory.ts';
export * from './nodes.ts';
export * from './norm.ts';
export * from './optimizer.ts';
export * from './statistics.ts';
export * from './vectors.ts';
