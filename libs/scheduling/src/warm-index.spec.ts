import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyHosts } from './any-hosts.fixture.js';
import { warmPlace } from './find-place.js';
import { waitingTask } from './scheduling.fixture.js';
import { WarmIndex } from './warm-index.js';

describe('WarmIndex', () => {
  test('knows whom a search for a warm container finds one for', () => {
    fc.assert(
      fc.property(anyHosts, fc.constantFrom('flux', 'other', 'third'), fc.constantFrom('film', 'series'), (hosts, pipelineId, projectId) => {
        const index = new WarmIndex(hosts);
        const found = warmPlace(waitingTask('anybody', { pipelineId, projectId }), hosts) !== undefined;
        expect(index.serves({ pipelineId, projectId })).toBe(found);
        expect([...index.served()].some((served) => served.pipelineId === pipelineId && (served.projectId === undefined || served.projectId === projectId))).toBe(found);
      }),
      { numRuns: 500 },
    );
  });
});
