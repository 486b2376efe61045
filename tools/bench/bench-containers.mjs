// @ts-check
// Takes away every container that the bench has started, by their labels, whatever way it ends.
import { spawnSync } from 'node:child_process';
import { DockerApiError } from '../setup/docker-api.mjs';

/** Marks the containers of the bare runs; the product's own carry its installation's label. */
export const BARE_LABEL = 'function-runner.bench';
const PRODUCT_LABEL = 'function-runner.install';

/**
 * To be called before anything that starts containers: what was pushed first is stopped last.
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {{ docker: import('../setup/docker-api.mjs').DockerApi, id: string, cli: string | undefined, cliEnv: NodeJS.ProcessEnv }} options
 */
export function removeContainersAtEnd({ stops }, { docker, id, cli, cliEnv }) {
  const labels = [`${BARE_LABEL}=${id}`, `${PRODUCT_LABEL}=${id}`];
  stops.push({
    name: 'containers of the bench',
    async stop() {
      const lists = await Promise.all(labels.map((label) => containersWith(docker, label)));
      const left = lists.flat();
      for (const container of left) await removeContainer(docker, container);
      return left.length > 0 ? `removed ${left.length} containers that were still there` : undefined;
    },
    force() {
      if (cli === undefined) return;
      for (const label of labels) {
        const { stdout } = spawnSync(cli, ['ps', '-aq', '--filter', `label=${label}`], { env: cliEnv, encoding: 'utf8' });
        const ids = stdout.split('\n').filter(Boolean);
        if (ids.length > 0) spawnSync(cli, ['rm', '-f', ...ids], { env: cliEnv });
      }
    },
  });
}

/** @param {import('../setup/docker-api.mjs').DockerApi} docker @param {string} label @returns {Promise<string[]>} */
async function containersWith(docker, label) {
  const query = new URLSearchParams({ all: '1', filters: JSON.stringify({ label: [label] }) });
  const found = /** @type {{ Id: string }[]} */ (await docker.getJson(`/containers/json?${query}`));
  return found.map(({ Id }) => Id);
}

/** @param {import('../setup/docker-api.mjs').DockerApi} docker @param {string} container */
async function removeContainer(docker, container) {
  try {
    await docker.call('DELETE', `/containers/${container}?force=1&v=1`);
  } catch (error) {
    // 404: gone meanwhile; 409: on its way.
    if (!(error instanceof DockerApiError) || ![404, 409].includes(error.status)) throw error;
  }
}
