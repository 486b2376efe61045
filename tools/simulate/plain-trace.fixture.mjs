// @ts-check

/**
 * A small trace as it stands in a file: one device of 24 GiB, a small and a big pipeline, no cold starts.
 * @param {Record<string, unknown>} [other] fields in place of its own
 * @returns {Record<string, unknown>}
 */
export const plainTrace = (other = {}) => ({
  name: 'plain',
  description: 'of a spec',
  hosts: [{ name: 'box', devices: [{ id: 'GPU-0', name: '24 GiB', vramGiB: 24 }], cpus: 8, memoryGiB: 32 }],
  tiers: { low: { maxConcurrent: 4 }, high: { maxConcurrent: 2 } },
  pipelines: { small: { tier: 'low', vramGiB: 12 }, big: { tier: 'high', vramGiB: 24 } },
  tasks: [
    { at: 0, project: 'a', pipeline: 'small', seconds: 10 },
    { at: 1, project: 'b', pipeline: 'big', seconds: 10 },
    { at: 2, project: 'a', pipeline: 'small', seconds: 5 },
    { at: 3, project: 'c', pipeline: 'small', seconds: 20 },
  ],
  ...other,
});
