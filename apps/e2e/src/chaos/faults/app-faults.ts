/** What befalls the processes of the product. Each fault is proved by the kernel: how the process ended, who came after it, in what state it was. */
import { setTimeout as pause } from 'node:timers/promises';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { keys } from '@function-runner/progress-protocol';
import { queueName } from '@function-runner/task-contract';
import { waitFor } from '@function-runner/testing';
import type { ChaosStage } from '../stage/chaos-stage.js';
import { processState } from '../stage/process-state.js';
import type { SupervisedApp } from '../stage/supervised-app.js';
import type { FaultEffect } from './fault-record.js';

/** The kernel stops a process at once, and shows it soon. */
const SHOWS_MS = 10_000;

/** Longest look at Redis for what a worker is at; while Redis is away nobody can tell. */
const LOOK_MS = 1000;

/** Ends the process at once, as a crash does. */
export async function killApp(app: SupervisedApp): Promise<FaultEffect> {
  const { pid, end, successor } = await app.end('SIGKILL');
  if (end.signal !== 'SIGKILL') throw new Error(`pid ${pid} ended with ${JSON.stringify(end)}`);
  return { proof: `pid ${pid} ended by SIGKILL, pid ${successor} took its place` };
}

/** Kills a worker, and remembers what it was at. */
export async function killWorker(app: SupervisedApp, stage: ChaosStage): Promise<FaultEffect> {
  const taskIds = await Promise.race([tasksOf(app.current.pid, stage).catch(() => []), pause(LOOK_MS, [] as string[])]);
  const killedAt = Date.now();
  return { ...(await killApp(app)), orphans: { killedAt, taskIds } };
}

/** Ends the process in good order, as a rolling update does. It may end with another code than 0, since Redis or Docker may be away meanwhile, or by the signal where it had only just been started; but end it must, without force. */
export async function rollApp(app: SupervisedApp): Promise<FaultEffect> {
  const { pid, end, successor } = await app.end('SIGTERM');
  if (end.signal === 'SIGKILL') throw new Error(`pid ${pid} ended with ${JSON.stringify(end)} after SIGTERM:\n${app.incarnations.find((process) => process.pid === pid)?.log.slice(-2000) ?? ''}`);
  return { proof: `pid ${pid} ended with ${end.code ?? 'the signal'} after SIGTERM, pid ${successor} took its place` };
}

/** Stops the process for a while: it keeps its connections, does nothing, and does not know it. */
export async function freezeApp(app: SupervisedApp, lastsMs: number): Promise<FaultEffect> {
  const victim = await waitFor(`${app.title} to be alive`, () => (app.current.alive ? app.current : undefined), SHOWS_MS);
  victim.signal('SIGSTOP');
  try {
    await waitFor(`the kernel to have stopped ${app.title}`, async () => (await processState(victim.pid)) === 'T', SHOWS_MS);
    await pause(lastsMs);
    if ((await processState(victim.pid)) !== 'T') throw new Error(`pid ${victim.pid} went on by itself`);
  } finally {
    victim.signal('SIGCONT');
  }
  return { proof: `pid ${victim.pid} was in state T for ${lastsMs} ms` };
}

/** The tasks that a worker process has under way now. */
async function tasksOf(pid: number, { redis }: ChaosStage): Promise<string[]> {
  const workers = await redis.zrange('workers', '0', '-1');
  const facts = await Promise.all(workers.map(async (workerId) => JSON.parse((await redis.get(keys.worker(workerId))) ?? '{}') as { workerId?: string; pid?: number }));
  const workerId = facts.find((known) => known.pid === pid)?.workerId;
  if (workerId === undefined) return [];
  const active = (await Promise.all(QUALITY_TIERS.map((tier) => redis.lrange(`bull:${queueName(tier)}:active`, 0, -1)))).flat();
  const held = await Promise.all(active.map(async (taskId) => ({ taskId, fields: await redis.hmget(keys.task(taskId), 'worker', 'state') })));
  return held.filter(({ fields: [worker, state] }) => worker === workerId && state === 'running').map(({ taskId }) => taskId);
}
