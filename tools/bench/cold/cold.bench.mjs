// @ts-check
// A cold run of a trivial pipeline through the whole product beside a bare `docker run` of the same image, in turn.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Interrupted } from '../../setup/setup-error.mjs';
import { openEngine } from '../bench-engine.mjs';
import { PROJECT_ID, startProduct } from '../product-apps.mjs';
import { openTaskClient } from '../task-client.mjs';
import { openStage } from '../temporary-stage.mjs';
import { coldFigures, coldReport } from './cold-figures.mjs';
import { COMMAND, installColdPipeline, NODE_TYPE } from './cold-pipeline.mjs';

const PAIRS = 25;
/** The first runs read the image's layers from the disk. */
const WARM_UP_PAIRS = 3;
/** Runs are slow on a loaded machine: with these many pairs the bench may end early. */
const ENOUGH_PAIRS = 20;
const TIME_LIMIT_MS = 45_000;

/** @param {import('../../setup/program.mjs').ProgramContext} context @param {{ redisProgram: string }} tools */
export async function bench(context, { redisProgram }) {
  const { report } = context;
  report.line('\ncold: a cold container run beside a bare docker run');
  const engine = await openEngine(context, 'cold');
  const installation = engine.newInstallation();
  const stage = await openStage(context, { name: 'cold', redisProgram });
  const modelsRoot = join(stage.folder, 'workspace', 'Library', 'AI_Models');
  const pipelinesFile = await installColdPipeline({ folder: stage.folder, modelsRoot, image: engine.image });
  const product = await report.step('Product', async () => {
    const started = await startProduct(context, stage, { ...installation, PIPELINES_CONFIG: pipelinesFile });
    return { ...started, detail: `api pid ${started.api.pid}, worker pid ${started.worker.pid}` };
  });
  const client = await openTaskClient(product.apiUrl, { projectId: PROJECT_ID, nodeType: NODE_TYPE });
  const outputFolder = join(stage.folder, 'bare-output');
  mkdirSync(outputFolder);
  const runBare = () => engine.runBare({ command: COMMAND, outputFolder, stdin: '{"protocol":1}\n' });

  const runs = await report.step('Runs', async () => {
    const measured = await measurePairs({ runBare, runProduct: () => client.run(), signal: context.signal });
    return { ...measured, detail: `${measured.bare.length} pairs` };
  });
  client.close();
  for (const program of [product.worker, product.api]) await program.stop();
  const figures = coldFigures(runs);
  for (const line of coldReport(runs, { overheadMs: figures.overheadMs ?? NaN }, engine)) report.line(line);
  return figures;
}

/**
 * @param {{ runBare: () => Promise<number>, runProduct: () => Promise<import('../task-client.mjs').TaskTimes>, signal: AbortSignal }} options
 * @returns {Promise<{ bare: number[], product: import('../task-client.mjs').TaskTimes[] }>}
 */
async function measurePairs({ runBare, runProduct, signal }) {
  /** @type {number[]} */
  const bare = [];
  /** @type {import('../task-client.mjs').TaskTimes[]} */
  const product = [];
  const startedAt = performance.now();
  for (let pair = -WARM_UP_PAIRS; pair < PAIRS; pair += 1) {
    if (signal.aborted) throw new Interrupted();
    if (pair >= ENOUGH_PAIRS && performance.now() - startedAt > TIME_LIMIT_MS) break;
    const bareMs = await runBare();
    const times = await runProduct();
    if (pair < 0) continue;
    bare.push(bareMs);
    product.push(times);
  }
  return { bare, product };
}
