/** The chaos of every `npm test`: long enough to meet each kind of fault once, short enough to be waited for. */
export const SHORT_RUN = { seed: 20, minutes: 1.15 } as const;
