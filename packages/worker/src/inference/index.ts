/** Using a trained model: scores on samples, predictions for photos. */
export * from './evaluate.ts';
export * from './evaluation-table.ts';
export * from './failure.ts';
export * from './open-engine.ts';
export * from './predict.ts';
export type { PredictionFiles } from './prediction-files.ts';
export * from './types.ts';
export * from './write-evaluation.ts';
