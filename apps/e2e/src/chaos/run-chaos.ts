/**
 * The story of a chaos run: set the stage, let clients work while faults strike, heal everything, wait until it is
 * quiet, look at it from outside, judge. Read this file first.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { readLogs } from '../invariants/read-logs.js';
import { ChaosEditor } from './clients/chaos-editor.js';
import { cutOffClients } from './clients/cut-off-clients.js';
import { Newcomers } from './clients/newcomers.js';
import { ProjectWatcher } from './clients/project-watcher.js';
import { chaosFaults } from './faults/chaos-faults.js';
import { strikeFaults } from './faults/strike-faults.js';
import type { ChaosFacts } from './oracle/chaos-facts.js';
import { askApis, lookAtDisk } from './oracle/gather-facts.js';
import { judgeChaos, type Verdict } from './oracle/judge-chaos.js';
import { quietEnd } from './oracle/quiet-end.js';
import type { FaultKind } from './plan/fault-kinds.js';
import { planChaos } from './plan/plan-chaos.js';
import { planRequests, type PlannedLeave } from './plan/plan-requests.js';
import { seededDraws } from './plan/seeded-draws.js';
import { faultLine } from './report/fault-line.js';
import { keepEvidence } from './report/keep-evidence.js';
import { ChaosStage } from './stage/chaos-stage.js';

const EDITORS = 6;

export interface ChaosOptions {
  seed: number;
  minutes: number;
  /** All unless told. */
  kinds?: readonly FaultKind[];
  say: (line: string) => void;
  /** Told how to end everything before the run is over. */
  opened?: (stop: () => Promise<void>) => void;
}

export interface ChaosRun extends Verdict {
  facts: ChaosFacts;
  liveRestore: boolean;
  /** The folder with the processes' logs and the stories of the violations; undefined where there is none. */
  evidence: string | undefined;
}

export async function runChaos({ seed, minutes, kinds, say, opened }: ChaosOptions): Promise<ChaosRun> {
  const plan = planChaos(seed, minutes, kinds);
  say(`chaos of the seed ${seed}: ${plan.faults.length} faults in ${minutes} min, Docker ${plan.liveRestore ? 'with' : 'without'} live-restore`);
  const stage = await ChaosStage.start(plan);
  opened?.(() => stage.stop());
  try {
    const facts = await play(stage, { seed, minutes, say }, plan);
    const verdict = judgeChaos(facts);
    const evidence = verdict.violations.length === 0 ? undefined : await keepEvidence(stage, facts, verdict.violations);
    return { ...verdict, facts, liveRestore: plan.liveRestore, evidence };
  } finally {
    await stage.stop();
  }
}

async function play(stage: ChaosStage, { seed, minutes, say }: ChaosOptions, plan: ReturnType<typeof planChaos>): Promise<ChaosFacts> {
  const urls = (): string[] => stage.apiUrls;
  const clientPlan = planRequests(seed, minutes, { editors: EDITORS, projects: stage.projects.length });
  const startedAt = Date.now();
  const newcomers = new Newcomers(urls, seededDraws(seed, 'newcomers'));
  const editors = Array.from({ length: EDITORS }, (_, index) => new ChaosEditor(
    `editor-${index + 1}`, clientPlan.requests.filter(({ editor }) => editor === index), stage.projects,
    { urls, draws: seededDraws(seed, `editor-${index}`), startedAt, newcomer: newcomers.come },
  ));
  const watchers = stage.projects.map(({ id }) => new ProjectWatcher(id, urls, seededDraws(seed, `watcher-${id}`)));
  for (const client of [...editors, ...watchers]) client.start();

  const [faults] = await Promise.all([
    strikeFaults(plan, startedAt, chaosFaults(stage, cutOffClients(editors, urls)), (record) => say(faultLine(record, startedAt))),
    sendAway(clientPlan.leaves, editors, startedAt),
    pause(plan.durationMs),
  ]);

  const end = await quietEnd(stage, editors, watchers, say);
  await newcomers.close();
  const logs = await readLogs(stage.redis);
  const facts = {
    faults, logs, ...end, ...(await lookAtDisk(stage)),
    asked: editors.flatMap(({ tasks }) => tasks),
    wrongs: editors.flatMap(({ wrongs }) => wrongs),
    ears: [...editors.map(({ ear }) => ear), ...newcomers.ears, ...watchers.flatMap(({ ears }) => ears)],
    attentive: [...editors.map(({ ear }) => ear), ...watchers.flatMap(({ current }) => (current === undefined ? [] : [current]))],
    answers: await askApis(stage, [...logs.keys()]),
  };
  await Promise.all([...editors, ...watchers].map((client) => client.close()));
  const badEnds = await stage.closeApps();
  const containers = [...facts.containers, ...(await stage.containers.present()).map((container) => `${container}, after all processes had ended`)];
  return { ...facts, containers, badEnds, selfEnds: stage.apps.flatMap(({ selfEnds }) => selfEnds) };
}

async function sendAway(leaves: readonly PlannedLeave[], editors: readonly ChaosEditor[], startedAt: number): Promise<void> {
  for (const { atMs, editor, awayMs } of leaves) {
    await pause(Math.max(0, startedAt + atMs - Date.now()));
    editors[editor]?.leave(awayMs);
  }
}
