// @ts-check
// A cold run of a trivial pipeline through the whole product beside a bare `docker run` of the same image, in turn.
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBaseImage, HOST_BASE_REPOSITORY } from '../../setup/base-image.step.mjs';
import { findProgram } from '../../setup/command.mjs';
import { dockerTarget } from '../../setup/docker-api.mjs';
import { ensureContainerEngine } from '../../setup/container-engine.step.mjs';
import { pipelineSources } from '../../setup/pipeline-images.step.mjs';
import { Interrupted, SetupError } from '../../setup/setup-error.mjs';
import { plainEnvironment, PROJECT_ID, startProduct } from '../product-apps.mjs';
import { openTaskClient } from '../task-client.mjs';
import { openStage } from '../temporary-stage.mjs';
import { runWithApi, runWithProgram } from './bare-run.mjs';
import { removeContainersAtEnd } from './bench-containers.mjs';
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
  const { report, env } = context;
  report.line('\ncold: a cold container run beside a bare docker run');
  const { docker, dockerHost } = await report.step('Container engine', async (say) => {
    const engine = await ensureContainerEngine(context, say);
    if (!engine.docker) throw new SetupError('The cold bench needs Docker.', 'Start a Docker daemon, or set DOCKER_HOST; without one: npm run bench -- control');
    return { docker: engine.docker, dockerHost: engine.dockerHost ?? dockerTarget(env).dockerHost, detail: engine.detail };
  });
  const { image } = await report.step('Base image', async (say) => {
    const found = await findImage(context, docker, say);
    return { image: found, detail: found };
  });

  const id = `bench-${randomUUID().slice(0, 8)}`;
  const cli = findProgram('docker', env);
  const cliEnv = { ...plainEnvironment(env), DOCKER_HOST: dockerHost };
  removeContainersAtEnd(context, { docker, id, cli, cliEnv });
  const stage = await openStage(context, { name: 'cold', redisProgram });
  const modelsRoot = join(stage.folder, 'workspace', 'Library', 'AI_Models');
  const pipelinesFile = await installColdPipeline({ folder: stage.folder, modelsRoot, image });
  const product = await report.step('Product', async () => {
    const started = await startProduct(context, stage, { CONTAINER_ENGINE: 'docker', DOCKER_HOST: dockerHost, IMAGE_PULL: 'never', INSTALL_ID: id, PIPELINES_CONFIG: pipelinesFile });
    return { ...started, detail: `api pid ${started.api.pid}, worker pid ${started.worker.pid}` };
  });
  const client = await openTaskClient(product.apiUrl, { projectId: PROJECT_ID, nodeType: NODE_TYPE });
  const outputFolder = join(stage.folder, 'bare-output');
  mkdirSync(outputFolder);
  const bareRun = { image, command: COMMAND, outputFolder, stdin: '{"protocol":1}\n', id };
  const runBare = () => (cli === undefined ? runWithApi(dockerHost, bareRun) : runWithProgram(cli, cliEnv, bareRun));

  const runs = await report.step('Runs', async () => {
    const measured = await measurePairs({ runBare, runProduct: () => client.run(), signal: context.signal });
    return { ...measured, detail: `${measured.bare.length} pairs` };
  });
  client.close();
  for (const program of [product.worker, product.api]) await program.stop();
  const figures = coldFigures(runs);
  const how = cli === undefined ? 'the engine\'s API (there is no docker program)' : 'the docker program';
  for (const line of coldReport(runs, { overheadMs: figures.overheadMs ?? NaN }, { image, how })) report.line(line);
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

/**
 * The image named by the caller, or the newest base that the set-up has made; else it is made now.
 * @param {import('../../setup/setup-context.mjs').SetupContext} context
 * @param {import('../../setup/docker-api.mjs').DockerApi} docker
 * @param {(text: string) => void} say
 */
async function findImage(context, docker, say) {
  const given = context.env.FUNCTION_RUNNER_TEST_BASE_IMAGE;
  if (given) {
    if (!(await docker.image(given))) throw new SetupError(`The engine does not have the image ${given} (FUNCTION_RUNNER_TEST_BASE_IMAGE).`, 'Load it, or leave the variable out.');
    return given;
  }
  const filters = JSON.stringify({ reference: [HOST_BASE_REPOSITORY] });
  const images = /** @type {{ RepoTags: string[] | null, Created: number }[]} */ (await docker.getJson(`/images/json?${new URLSearchParams({ filters })}`));
  const made = images.sort((a, b) => b.Created - a.Created).flatMap(({ RepoTags }) => RepoTags ?? [])[0];
  if (made) return made;
  const sources = await pipelineSources(context.paths.root);
  return (await ensureBaseImage(context, docker, sources.map(({ imageFolder }) => imageFolder), say)).reference;
}
