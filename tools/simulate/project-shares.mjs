// @ts-check
// How evenly device memory was shared between projects. Pure.

/**
 * A task's claim: it wants `amount` from its submission to its end, and has it from its lease on. Times in milliseconds.
 * @typedef {{ projectId: string, amount: number, wantedFrom: number, heldFrom: number, until: number }} Claim
 */

/**
 * What each project had, over what it would have had if at every moment the memory had been shared evenly between the
 * projects that wanted some (none more than it wanted; what one leaves goes to the others: max-min). A project that waited
 * while others had more than it comes below 1. Projects that wanted nothing are left out.
 * @param {number} capacity
 * @param {readonly Claim[]} claims
 * @returns {Map<string, number>} by project
 */
export function shareRatios(capacity, claims) {
  const projects = [...new Set(claims.filter(({ amount }) => amount > 0).map(({ projectId }) => projectId))].map((projectId) => ({ projectId, wanted: 0, held: 0, had: 0, entitled: 0 }));
  const byId = new Map(projects.map((project) => [project.projectId, project]));
  const changes = claims
    .filter(({ amount }) => amount > 0)
    .flatMap(({ projectId, amount, wantedFrom, heldFrom, until }) => [
      { at: wantedFrom, projectId, wanted: amount, held: 0 },
      { at: heldFrom, projectId, wanted: 0, held: amount },
      { at: until, projectId, wanted: -amount, held: -amount },
    ])
    .sort((one, other) => one.at - other.at);
  let since = 0;
  for (const { at, projectId, wanted, held } of changes) {
    if (at > since) {
      const shares = evenShares(capacity, projects.map((project) => project.wanted));
      for (const [index, project] of projects.entries()) {
        project.had += project.held * (at - since);
        project.entitled += (shares[index] ?? NaN) * (at - since);
      }
      since = at;
    }
    const project = byId.get(projectId);
    if (project === undefined) throw new Error(`no project ${projectId}`);
    project.wanted += wanted;
    project.held += held;
  }
  return new Map(projects.map(({ projectId, had, entitled }) => [projectId, had / entitled]));
}

/**
 * Max-min: nobody gets more than is wanted, and who gets less than that gets no less than anybody else.
 * @param {number} capacity
 * @param {readonly number[]} wanted
 * @returns {number[]} in the order of `wanted`
 */
export function evenShares(capacity, wanted) {
  const shares = wanted.map(() => 0);
  let left = capacity;
  const rising = [...wanted.keys()].sort((one, other) => (wanted[one] ?? 0) - (wanted[other] ?? 0));
  for (const [done, index] of rising.entries()) {
    const share = Math.min(wanted[index] ?? 0, left / (rising.length - done));
    shares[index] = share;
    left -= share;
  }
  return shares;
}

/**
 * Jain, Chiu and Hawe, 1984: 1 where all are equal, 1/n where one of n has everything.
 * @param {readonly number[]} values
 * @returns {number} 1 of nothing: there is nobody to be unfair to
 */
export function jainIndex(values) {
  if (values.length === 0) return 1;
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return (sum * sum) / (values.length * squares);
}
