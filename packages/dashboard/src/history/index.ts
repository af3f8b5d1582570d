/** The course of a run, from its folder: for the live page's server and for reports. */
export { eventOf } from './check-event.ts';
export { maxShownEvents, type RunCourse, type TimedEvent } from './record.ts';
export { RunHistory, stateOf, statusOf } from './run-history.ts';
export { thin } from './thin.ts';
