/** What a run tells machines: TensorBoard's files, Prometheus's metrics, traces. */
export {};
