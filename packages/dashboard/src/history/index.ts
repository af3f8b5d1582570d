/** The course of a run, from its folder: for the live page's server and for reports. */
export { maxShownEvents, type RunCourse } from './record.ts';
export { RunHistory, stateOf, statusOf } from './run-history.ts';
export { thin } from './thin.ts';
