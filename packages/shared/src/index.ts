export * from './config/types.ts';
export * from './errors.ts';
export * from './events.ts';
export * from './model/types.ts';
