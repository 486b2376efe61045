import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyDemand, anyHosts } from './any-hosts.fixture.js';
import { findPlace } from './find-place.js';
import { Room } from './room.js';
import { waitingTask } from './scheduling.fixture.js';

describe('Room', () => {
  test('says of a demand what a search for a place finds for a task that has nothing reserved and nothing warm', () => {
    fc.assert(
      fc.property(anyHosts, anyDemand, (hosts, demand) => {
        const kind = { key: '', demand, waiting: { low: 0, standard: 0, high: 0, premium: 0 } };
        const room = new Room(hosts);
        const found = findPlace(waitingTask('anybody', { pipelineId: 'cold', demand }), hosts) !== undefined;
        expect([room.fits(kind), room.fits(kind)]).toEqual([found, found]);
      }),
      { numRuns: 1000 },
    );
  });
});
