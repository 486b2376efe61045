// @ts-check
// The container engine of a bench: the image that it runs, bare runs beside the product, and the end of every container.
import { randomUUID } from 'node:crypto';
import { ensureBaseImage, HOST_BASE_REPOSITORY } from '../setup/base-image.step.mjs';
import { findProgram } from '../setup/command.mjs';
import { ensureContainerEngine } from '../setup/container-engine.step.mjs';
import { dockerTarget } from '../setup/docker-api.mjs';
import { pipelineSources } from '../setup/pipeline-images.step.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { runWithApi, runWithProgram } from './bare-run.mjs';
import { removeContainersAtEnd } from './bench-containers.mjs';
import { plainEnvironment } from './product-apps.mjs';

/**
 * To be opened before anything that starts containers: they are removed after it has stopped.
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {string} bench its name
 */
export async function openEngine(context, bench) {
  const { report, env } = context;
  const { docker, dockerHost } = await report.step('Container engine', async (say) => {
    const engine = await ensureContainerEngine(context, say);
    if (!engine.docker) throw new SetupError(`The ${bench} bench needs Docker.`, 'Start a Docker daemon, or set DOCKER_HOST; without one: npm run bench -- control');
    return { docker: engine.docker, dockerHost: engine.dockerHost ?? dockerTarget(env).dockerHost, detail: engine.detail };
  });
  const { image } = await report.step('Base image', async (say) => {
    const found = await findImage(context, docker, say);
    return { image: found, detail: found };
  });
  return useEngine(context, { docker, dockerHost, image });
}

/**
 * An engine that runs and has the image.
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {{ docker: import('../setup/docker-api.mjs').DockerApi, dockerHost: string, image: string }} engine
 */
export function useEngine(context, { docker, dockerHost, image }) {
  const cli = findProgram('docker', context.env);
  const cliEnv = { ...plainEnvironment(context.env), DOCKER_HOST: dockerHost };

  const newId = () => {
    const id = `bench-${randomUUID().slice(0, 8)}`;
    removeContainersAtEnd(context, { docker, id, cli, cliEnv });
    return id;
  };
  const bareId = newId();
  return {
    docker,
    image,
    /** What the bare runs are made with. */
    how: cli === undefined ? 'the engine\'s API (there is no docker program)' : 'the docker program',
    /**
     * Settings of a product with containers of its own: those of two installations leave each other alone.
     * @returns {Record<string, string>}
     */
    newInstallation: () => ({ CONTAINER_ENGINE: 'docker', DOCKER_HOST: dockerHost, IMAGE_PULL: 'never', INSTALL_ID: newId() }),
    /** @param {Omit<import('./bare-run.mjs').BareRun, 'image' | 'id'>} run @returns {Promise<number>} milliseconds */
    runBare(run) {
      const bareRun = { ...run, image, id: bareId };
      return cli === undefined ? runWithApi(dockerHost, bareRun) : runWithProgram(cli, cliEnv, bareRun);
    },
  };
}

/** @typedef {ReturnType<typeof useEngine>} BenchEngine */

/**
 * The image named by the caller, or the newest base that the set-up has made; else it is made now.
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {import('../setup/docker-api.mjs').DockerApi} docker
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
