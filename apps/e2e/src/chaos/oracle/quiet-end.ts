/** Waits, with every fault healed, until nothing moves any more, or until it had to: what does not come to rest is what the oracle finds. */
import { waitFor } from '@function-runner/testing';
import { leasesIn } from '../../invariants/leases-in.js';
import { readLogs } from '../../invariants/read-logs.js';
import { isTerminal } from '../../invariants/story-rules.js';
import type { ChaosEditor } from '../clients/chaos-editor.js';
import type { ProjectWatcher } from '../clients/project-watcher.js';
import type { ChaosStage } from '../stage/chaos-stage.js';
import { lookAtDisk, openJobs } from './gather-facts.js';

/** Lost connections are noticed, processes are up and lost tasks run again long before. */
const READY_MS = 60_000;

/** What is left of a run's tasks is worked off in a fraction of this, lost ones included. */
const SETTLE_MS = 150_000;

/** The last events reach everybody at once; a watcher that just lost its connection has it back. */
const TOLD_MS = 15_000;

/** No container and no lease 30 s after the end (issue), after the 6 s for which a container is kept warm. */
const LEFT_MS = 36_000;

/** A folder that a dead worker left is known for one after a minute, and looked for once a minute. */
const STRAYS_MS = 135_000;
const LOOK_MS = 250;

/** What was left when the waiting was over. */
export interface QuietEnd {
  unready: string[];
  containers: string[];
  leases: string[];
  jobs: string[];
}

export async function quietEnd(stage: ChaosStage, editors: readonly ChaosEditor[], watchers: readonly ProjectWatcher[], say: (line: string) => void): Promise<QuietEnd> {
  const unready: string[] = [];
  await stage.ready(READY_MS).catch((error: unknown) => void unready.push(error instanceof Error ? error.message : String(error)));
  say('all faults are healed; waiting for the last tasks');
  // Each wait that is in vain leaves its trace in what is gathered afterwards.
  await inVain(waitFor('every editor to have heard its tasks end', () => editors.every(({ settled }) => settled), SETTLE_MS, LOOK_MS));
  await inVain(waitFor('every task to have ended', async () => [...(await readLogs(stage.redis)).values()].every((events) => isTerminal(events.at(-1))), TOLD_MS, LOOK_MS));
  const endedAt = Date.now();
  const logs = await readLogs(stage.redis);
  await inVain(waitFor('every watcher to have heard it all', () => watchers.every(({ current }) => current !== undefined && [...current.stories.keys(), ...current.begins.keys()].every((taskId) => Math.max(current.lastSeq(taskId), current.begins.get(taskId) ?? 0) >= (logs.get(taskId)?.length ?? 0))), TOLD_MS, LOOK_MS));
  say('all tasks have ended; waiting for the last containers and leases to go');
  let left = { containers: ['not looked at'], leases: ['not looked at'], jobs: ['not looked at'] };
  await inVain(waitFor('nothing to be left', async () => {
    left = { containers: await stage.containers.present(), leases: await leasesIn(stage.redis), jobs: await openJobs(stage) };
    return left.containers.length + left.leases.length + left.jobs.length === 0;
  }, Math.max(LOOK_MS, endedAt + LEFT_MS - Date.now()), LOOK_MS));
  await inVain(waitFor('no folder to be left', async () => (await lookAtDisk(stage)).strays.length === 0, STRAYS_MS, 4 * LOOK_MS));
  return { unready, ...left };
}

async function inVain(wait: Promise<unknown>): Promise<void> {
  await wait.catch(() => undefined);
}
