/** A node's gradient could not be fetched from its worker: no fault of the run, as others can compute it. */
export class NodeUnavailable extends Error {}
