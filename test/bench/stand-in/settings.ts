/** What a stand-in is told, by variables that reach the workers' threads. */
export interface StandIn {
  /** What a leaf takes. */
  leafMs: number;
  /** Of the photos whose backward pass gives the moments; those that are loaded are small. */
  width: number;
  height: number;
}

const name = 'UNET_FLEET_STAND_IN';

export const standInVariable = (standIn: StandIn): Record<string, string> => ({
  [name]: JSON.stringify(standIn),
});

/** Throws where the variable is missing. */
export function standInOf(env: NodeJS.ProcessEnv): StandIn {
  const value = env[name];
  if (!value) throw new Error(`${name} is not set`);
  return JSON.parse(value);
}
