import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { LeaseRequest } from './lease.js';
import { parseLease, recordText } from './lease-record.js';

const plain: LeaseRequest = { id: 'l', holder: 'w', purpose: 'task', taskId: 't', pipelineId: 'p:1', amounts: { cpu: 500, memory: 2 ** 50 + 1 } };

describe('the record of a lease', () => {
  test('holds amounts and facts as strings, and not what it holds nothing of', () => {
    expect(recordText({ ...plain, projectId: 'x', amounts: { cpu: 0, memory: 2 ** 50 + 1 }, facts: { port: 80 } })).toBe(
      '{"holder":"w","purpose":"task","taskId":"t","pipelineId":"p:1","amounts":{"memory":"1125899906842625"},"projectId":"x","facts":"{\\"port\\":80}"}',
    );
  });

  test('comes back as it went in, whatever the strings, amounts and facts', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const request = fc.record({
      id: text, holder: text, purpose: fc.constantFrom('task' as const, 'warm' as const), taskId: text, pipelineId: text, projectId: text,
      amounts: fc.dictionary(text, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })), facts: fc.dictionary(text, fc.jsonValue()),
    }, { requiredKeys: ['id', 'holder', 'purpose', 'taskId', 'pipelineId', 'amounts'] });
    fc.assert(fc.property(request, (given) => {
      // What JSON itself does not tell apart, such as 0 and -0, is not to be told apart here.
      const expected = JSON.parse(JSON.stringify(given)) as LeaseRequest;
      expect(parseLease(given.id, recordText(given), 7, 5)).toEqual({ ...expected, expiresAt: 7, expired: false });
    }));
  });

  test.each([[6, false], [7, true], [8, true]])('at %d one that expires at 7 is expired: %s', (now, expired) => {
    expect(parseLease('l', recordText(plain), 7, now)).toEqual({ ...plain, expiresAt: 7, expired });
  });
});
