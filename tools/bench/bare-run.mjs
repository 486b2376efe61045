// @ts-check
// What a person would do by hand: `docker run` of the pipeline's image, its task on stdin. No limits, no hardening.
import { spawn } from 'node:child_process';
import Docker from 'dockerode';
import { BARE_LABEL } from './bench-containers.mjs';

/**
 * @typedef {object} BareRun
 * @property {string} image
 * @property {readonly string[]} command
 * @property {string} outputFolder mounted at /output
 * @property {string} stdin
 * @property {string} id of this bench, for the label
 */

/**
 * With the `docker` program.
 * @param {string} cli
 * @param {NodeJS.ProcessEnv} env
 * @param {BareRun} run
 * @returns {Promise<number>} milliseconds from the start of the program to its end
 */
export function runWithProgram(cli, env, { image, command, outputFolder, stdin, id }) {
  const args = ['run', '--rm', '-i', '--network', 'none', '--label', `${BARE_LABEL}=${id}`, '--mount', `type=bind,source=${outputFolder},target=/output`, image, ...command];
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(cli, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.once('error', reject);
    // A pipeline may end without reading its task.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
    child.once('close', (code) => {
      if (code === 0 && output.includes('"output"')) resolve(performance.now() - startedAt);
      else reject(new Error(`docker run ended with code ${code}: ${output.slice(-500)}`));
    });
  });
}

/**
 * Where there is no `docker` program: its calls to the engine, in its order.
 * @param {string} dockerHost
 * @param {BareRun} run
 * @returns {Promise<number>}
 */
export async function runWithApi(dockerHost, { image, command, outputFolder, stdin, id }) {
  const url = new URL(dockerHost);
  const docker = url.protocol === 'unix:' ? new Docker({ socketPath: url.pathname }) : new Docker({ host: url.hostname, port: url.port });
  const startedAt = performance.now();
  const container = await docker.createContainer({
    Image: image,
    Cmd: [...command],
    Labels: { [BARE_LABEL]: id },
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: { NetworkMode: 'none', Mounts: [{ Type: 'bind', Source: outputFolder, Target: '/output' }] },
  });
  try {
    const stream = await container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true });
    stream.resume();
    const exited = container.wait({ condition: 'next-exit' });
    await container.start();
    stream.end(stdin);
    const { StatusCode } = await exited;
    if (StatusCode !== 0) throw new Error(`the bare container ended with code ${StatusCode}`);
  } finally {
    await container.remove({ force: true });
  }
  return performance.now() - startedAt;
}
