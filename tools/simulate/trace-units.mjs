// @ts-check
// A trace is written in gibibytes and seconds; what is simulated counts in bytes and milliseconds, whole ones, so that sums
// are exact and a run is the same on any machine.

export const GIB = 2 ** 30;
const MS_OF_SECOND = 1000;

/** @param {number} gibibytes */
export const bytes = (gibibytes) => Math.round(gibibytes * GIB);
/** @param {number} seconds */
export const milliseconds = (seconds) => Math.round(seconds * MS_OF_SECOND);
/** @param {number} ms */
export const seconds = (ms) => ms / MS_OF_SECOND;
