// @ts-check
// How long until work goes on after something was lost: a worker, Redis, the container engine, an api. All of it is the
// bench's own, so that it may be killed as often as it takes.
import { join } from 'node:path';
import { sendSignal } from '../../setup/process-record.mjs';
import { Interrupted } from '../../setup/setup-error.mjs';
import { openEngine } from '../bench-engine.mjs';
import { createProject, PROJECT_ID, startApp } from '../product-apps.mjs';
import { openStage } from '../temporary-stage.mjs';
import { openFaithfulClient } from './faithful-client.mjs';
import { openPrivateEngine } from './private-engine.mjs';
import { recoveryFigures, recoveryReport } from './recovery-figures.mjs';
import { BARE_COMMAND, installRecoveryPipeline, NODE_TYPE } from './recovery-pipeline.mjs';

/** Issue 4, "How it is judged". */
const RUNS = 10;
/** Nothing waits for something to lease: what is measured is the recovery. */
const PLENTY = { HOST_CPUS: '1000', HOST_MEMORY: '1000Gi' };

/**
 * @typedef {import('./recovery-figures.mjs').Pairs} Pairs
 * @typedef {Awaited<ReturnType<typeof startApp>>} App
 */

/** @param {import('../../setup/program.mjs').ProgramContext} context @param {{ redisProgram: string }} tools */
export async function bench(context, { redisProgram }) {
  const { report, signal } = context;
  report.line('\nrecovery: how long until work goes on after something was lost');
  const source = await openEngine(context, 'recovery');
  const stage = await openStage(context, { name: 'recovery', redisProgram });
  const engine = await report.step('Engine of its own', async () => ({ ...(await openPrivateEngine(context, stage, source)), detail: `a second daemon, with ${source.image}` }));
  const modelsRoot = join(stage.folder, 'workspace', 'Library', 'AI_Models');
  const pipelinesFile = await installRecoveryPipeline({ folder: stage.folder, modelsRoot, image: engine.image });
  const settings = { ...engine.newInstallation(), ...PLENTY, PIPELINES_CONFIG: pipelinesFile, WARM_CONTAINERS: '0' };
  let started = 0;
  const start = (/** @type {'api' | 'worker'} */ app) => startApp(context, stage, { app, name: `${app}-${(started += 1)}`, settings });

  const { apis, worker: first } = await report.step('Product', async () => {
    const product = { apis: [await start('api'), await start('api')], worker: await start('worker') };
    return { ...product, detail: 'two apis, a worker' };
  });
  const [{ url: apiUrl } = { url: '' }] = apis;
  await createProject(apiUrl);
  const client = await openFaithfulClient(apis.map(({ url }) => url), { request: { projectId: PROJECT_ID, nodeType: NODE_TYPE }, signal });
  const runBare = () => engine.runBare({ command: BARE_COMMAND, outputFolder: stage.folder, stdin: '' });

  /**
   * @param {string} title
   * @param {() => Promise<number>} floor
   * @param {() => Promise<number>} recovery
   * @returns {Promise<Pairs>}
   */
  const measure = (title, floor, recovery) =>
    report.step(title, async (say) => {
      /** @type {{ floor: number[], recovery: number[] }} */
      const taken = { floor: [], recovery: [] };
      for (let run = 1; run <= RUNS; run += 1) {
        if (signal.aborted) throw new Interrupted();
        say(`${run} of ${RUNS}`);
        taken.floor.push(await floor());
        taken.recovery.push(await recovery());
      }
      return { ...taken, detail: `${RUNS} runs` };
    });
  /** A new task, once it runs. */
  const startTask = async () => {
    const { taskId } = await client.submit();
    const { event } = await client.running(taskId);
    return { taskId, attempt: event.attempt };
  };

  // The first run reads the image's layers from the disk, and compiles the hot path.
  await report.step('Warm-up', async () => {
    await runBare();
    await client.cancel((await startTask()).taskId);
    return { detail: 'one task' };
  });

  let worker = first;
  const workerKilled = await measure('Worker killed', runBare, async () => {
    const { taskId, attempt } = await startTask();
    const successor = await start('worker');
    const killedAt = kill(worker);
    const { at } = await client.running(taskId, attempt);
    await worker.stop();
    worker = successor;
    await client.cancel(taskId);
    return at - killedAt;
  });

  /** @type {number[]} */
  const redisRestartedAck = [];
  const redisRestarted = await measure('Redis restarted', runBare, async () => {
    await stage.restartRedis();
    const answeredAt = performance.now();
    const { taskId, at: acknowledgedAt } = await client.submit();
    const { at } = await client.running(taskId);
    redisRestartedAck.push(acknowledgedAt - answeredAt);
    await client.cancel(taskId);
    return at - answeredAt;
  });

  const daemonRestarted = await measure('Daemon restarted', runBare, async () => {
    const { taskId, attempt } = await startTask();
    await engine.restart();
    const answeredAt = performance.now();
    const { at } = await client.running(taskId, attempt);
    await client.cancel(taskId);
    return at - answeredAt;
  });

  // One task that both apis tell of, over all runs.
  const { taskId: followed } = await startTask();
  const move = async () => {
    const resumed = client.resumed();
    const leftAt = performance.now();
    client.drop();
    return (await resumed) - leftAt;
  };
  const apiKilled = await measure('Api killed', move, async () => {
    const lost = apis.find(({ url }) => url === client.url);
    if (lost === undefined) throw new Error(`no api is at ${client.url}`);
    const resumed = client.resumed();
    const killedAt = kill(lost);
    const ms = (await resumed) - killedAt;
    await lost.stop();
    const successor = await start('api');
    apis.splice(apis.indexOf(lost), 1, successor);
    client.replace(lost.url, successor.url);
    return ms;
  });
  await client.cancel(followed);

  client.close();
  for (const app of [worker, ...apis]) await app.stop();
  const figures = recoveryFigures({ workerKilled, redisRestarted, redisRestartedAck, daemonRestarted, apiKilled });
  for (const line of recoveryReport(figures, engine)) report.line(line);
  return figures;
}

/** Ends a process at once, as a crash does. @param {App} app @returns {number} when, on this process's monotonic clock */
function kill({ pid }) {
  sendSignal(pid, 'SIGKILL');
  return performance.now();
}
