import type { ChaosFacts } from './chaos-facts.js';
import { judgeAgreement } from './judge-agreement.js';
import { judgeEars } from './judge-ears.js';
import { judgeLogs } from './judge-logs.js';
import { judgeOutcomes, type Outcomes } from './judge-outcomes.js';
import { judgeRequests } from './judge-requests.js';
import { judgeTakes } from './judge-takes.js';
import type { Violation } from './violation.js';

export interface Verdict {
  violations: Violation[];
  outcomes: Outcomes;
  /** Tasks that were acknowledged within the last moments of a Redis that was killed, and were asked for anew. */
  forgottenTasks: number;
  /** Stories of which a killed Redis has forgotten events that had been told. */
  forgottenStories: number;
}

/** Judges a run by all rules. Pure: the facts are all it knows. */
export function judgeChaos(facts: ChaosFacts): Verdict {
  const { faults, containers, leases, selfEnds, badEnds, unready } = facts;
  const ears = judgeEars(facts);
  const requests = judgeRequests(facts);
  const outcomes = judgeOutcomes(facts);
  return {
    violations: [
      ...faults.flatMap(({ failure, kind, target, atMs }): Violation[] => (failure === undefined ? [] : [{ rule: 'fired', text: `${kind} of ${target} at ${(atMs / 1000).toFixed(1)} s did not fire: ${failure}` }])),
      ...requests.violations,
      ...judgeLogs(facts),
      ...ears.violations,
      ...judgeAgreement(facts),
      ...judgeTakes(facts),
      ...outcomes.violations,
      ...[...containers.map((container) => `the container ${container}`), ...leases.map((lease) => `the lease ${lease}`)].map((left): Violation => ({ rule: 'left', text: `left: ${left}` })),
      ...selfEnds.map(({ app, code, signal, at, wasReady, logTail }): Violation => ({ rule: 'processes', text: `${app} ended by itself at ${new Date(at).toISOString()} with ${signal ?? code ?? 'nothing'}${wasReady ? '' : ' before it was ready'}:\n${logTail}` })),
      ...[...badEnds, ...unready].map((text): Violation => ({ rule: 'processes', text })),
    ],
    outcomes: outcomes.outcomes,
    forgottenTasks: requests.forgotten,
    forgottenStories: ears.forgotten,
  };
}
