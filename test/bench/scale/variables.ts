/** Variables by which the processes of a point are told what is theirs. */

/** Logins of the workers of a host, as JSON. */
export const hostedVariable = 'UNET_FLEET_HOSTED_WORKERS';
/** Where a line is written for each answer that was damaged or asked for again. */
export const troublesVariable = 'UNET_FLEET_TROUBLES_FILE';
