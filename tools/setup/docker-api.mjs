// @ts-check
// The container engine's HTTP API, as far as the set-up needs it. One way for every host: the `docker` program may be
// missing, the API never is.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

/**
 * @typedef {{ kind: 'socket', path: string } | { kind: 'tcp', host: string, port: number, tls?: { ca: Buffer, cert: Buffer, key: Buffer } }} DockerTarget
 * @typedef {Readonly<Record<string, string | undefined>>} Env
 */

export const DEFAULT_SOCKET = '/var/run/docker.sock';

/** Sockets of engines that run for one user: rootless Docker, Docker Desktop. */
const userSockets = (/** @type {Env} */ env) => [
  ...(env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'docker.sock')] : []),
  join(env.HOME || homedir(), '.docker', 'run', 'docker.sock'),
];

/**
 * Where the engine is, after Docker's own rules.
 * @param {Env} env
 * @param {(path: string) => boolean} [exists]
 * @returns {{ target: DockerTarget, dockerHost: string, given: boolean }} `given`: named by DOCKER_HOST
 */
export function dockerTarget(env, exists = existsSync) {
  if (!env.DOCKER_HOST) {
    const path = [DEFAULT_SOCKET, ...userSockets(env)].find((socket) => exists(socket)) ?? DEFAULT_SOCKET;
    return { target: { kind: 'socket', path }, dockerHost: `unix://${path}`, given: false };
  }
  const dockerHost = env.DOCKER_HOST;
  if (dockerHost.startsWith('unix://')) return { target: { kind: 'socket', path: dockerHost.slice('unix://'.length) }, dockerHost, given: true };
  const tcp = /^(?:tcp|https?):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(dockerHost);
  if (!tcp?.[1]) throw new SetupError(`DOCKER_HOST=${dockerHost} can't be used.`, 'Set it to unix:///path/to/socket or tcp://host:port (for ssh, forward the socket first), or leave it out.');
  const secure = Boolean(env.DOCKER_TLS_VERIFY) || dockerHost.startsWith('https:');
  const host = tcp[1].replace(/^\[|\]$/g, '');
  const port = Number(tcp[2] ?? (secure ? 2376 : 2375));
  if (!secure) return { target: { kind: 'tcp', host, port }, dockerHost, given: true };
  const folder = env.DOCKER_CERT_PATH || join(env.HOME || homedir(), '.docker');
  const read = (/** @type {string} */ name) => readFileSync(join(folder, name));
  return { target: { kind: 'tcp', host, port, tls: { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') } }, dockerHost, given: true };
}

export class DockerApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.name = 'DockerApiError';
    this.status = status;
  }
}

/** @typedef {{ ServerVersion: string, Architecture: string, OSType: string, CgroupVersion?: string, ContainersRunning: number, Runtimes?: Record<string, unknown> }} EngineInfo */
/** @typedef {{ Id: string, Architecture: string, Size: number, Config?: { Labels?: Record<string, string> | null } }} ImageFacts */

/**
 * A tar of a folder (or of some entries of it), as the engine wants it.
 * @param {string} folder
 * @param {readonly string[]} [entries]
 */
export function tarStream(folder, entries = ['.']) {
  // Files of an ordinary user would belong to that user's number inside the image; root's already belong to root.
  const owner = process.platform === 'linux' && process.getuid?.() !== 0 ? ['--owner=0', '--group=0', '--numeric-owner'] : [];
  const tar = spawn('tar', ['-C', folder, ...owner, '-cf', '-', '--', ...entries], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  tar.stderr.setEncoding('utf8').on('data', (text) => (complaint += text));
  tar.on('error', (error) => tar.stdout.destroy(error));
  tar.on('exit', (code) => {
    // Without this the engine would take a cut-off archive for the whole one.
    if (code !== 0) tar.stdout.destroy(new Error(`tar ended with code ${code}: ${complaint.trim()}`));
  });
  return tar.stdout;
}

/** @param {DockerTarget} target */
export function dockerApi(target) {
  const address = target.kind === 'socket' ? { socketPath: target.path } : { host: target.host, port: target.port, ...target.tls };
  const send = target.kind === 'tcp' && target.tls ? httpsRequest : httpRequest;

  /**
   * @typedef {{ json?: unknown, stream?: import('node:stream').Readable, headers?: Record<string, string>, idleMs?: number, signal?: AbortSignal, onLine?: (line: BuildLine) => void }} CallOptions
   * @typedef {{ stream?: string, status?: string, error?: string, aux?: { ID?: string } }} BuildLine
   */

  /**
   * @param {string} method
   * @param {string} path
   * @param {CallOptions} [options] `idleMs`: how long the engine may stay silent
   * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: Buffer }>}
   */
  function call(method, path, { json, stream, headers = {}, idleMs = 30_000, signal, onLine } = {}) {
    return new Promise((resolve, reject) => {
      const body = json === undefined ? undefined : JSON.stringify(json);
      const type = body === undefined ? (stream ? { 'content-type': 'application/x-tar' } : {}) : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
      const request = send({ ...address, method, path, headers: { host: 'docker', ...type, ...headers }, agent: false, signal });
      request.setTimeout(idleMs, () => request.destroy(new Error(`no answer within ${idleMs / 1000} s`)));
      request.on('error', reject);
      request.on('response', (response) => {
        /** @type {Buffer[]} */
        const chunks = [];
        let open = '';
        /** @type {string | undefined} */
        let failed;
        response.on('error', reject);
        response.on('data', (/** @type {Buffer} */ chunk) => {
          if (!onLine || response.statusCode !== 200) return void chunks.push(chunk);
          const lines = (open + chunk.toString('utf8')).split('\n');
          open = lines.pop() ?? '';
          for (const line of lines.filter((text) => text.trim())) {
            /** @type {BuildLine} */
            const message = JSON.parse(line);
            if (message.error) failed = message.error;
            onLine(message);
          }
        });
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          const whole = Buffer.concat(chunks);
          if (status >= 400) return reject(new DockerApiError(status, messageIn(whole)));
          // Long operations answer 200 at once and tell their failure in the stream.
          if (failed !== undefined) return reject(new DockerApiError(status, failed));
          resolve({ status, headers: response.headers, body: whole });
        });
      });
      if (stream) {
        stream.on('error', (error) => request.destroy(error));
        stream.pipe(request);
      } else request.end(body);
    });
  }

  /** @param {string} path @param {CallOptions} [options] @returns {Promise<unknown>} */
  const getJson = async (path, options) => JSON.parse((await call('GET', path, options)).body.toString('utf8'));

  return {
    call,
    getJson,

    /** @returns {Promise<void>} */
    async ping(idleMs = 3000) {
      await call('GET', '/_ping', { idleMs });
    },

    /** @returns {Promise<EngineInfo>} */
    async info() {
      return /** @type {EngineInfo} */ (await getJson('/info'));
    },

    /** @returns {Promise<{ Id: string, Image: string, Names: string[] }[]>} */
    async runningContainers() {
      return /** @type {{ Id: string, Image: string, Names: string[] }[]} */ (await getJson('/containers/json'));
    },

    /** @param {string} reference @returns {Promise<ImageFacts | undefined>} undefined: not on this host */
    async image(reference) {
      try {
        return /** @type {ImageFacts} */ (await getJson(`/images/${encodeURI(reference)}/json`));
      } catch (error) {
        if (error instanceof DockerApiError && error.status === 404) return undefined;
        throw error;
      }
    },

    /**
     * @param {string} reference name:tag
     * @param {{ idleMs: number, signal?: AbortSignal }} options
     */
    async pull(reference, { idleMs, signal }) {
      await call('POST', `/images/create?${new URLSearchParams({ fromImage: reference })}`, { idleMs, signal, onLine() {} });
    },

    /**
     * @param {import('node:stream').Readable} tar a root file system
     * @param {{ repo: string, tag: string, changes: readonly string[], message: string, signal?: AbortSignal }} options
     */
    async importImage(tar, { repo, tag, changes, message, signal }) {
      const query = new URLSearchParams({ fromSrc: '-', repo, tag, message });
      for (const change of changes) query.append('changes', change);
      await call('POST', `/images/create?${query}`, { stream: tar, idleMs: 120_000, signal, onLine() {} });
    },

    /**
     * With the classic builder: BuildKit would need a session over gRPC, and the `docker` program.
     * @param {import('node:stream').Readable} tar the build context
     * @param {{ tags: readonly string[], dockerfile: string, buildArgs: Record<string, string>, labels: Record<string, string>, signal?: AbortSignal, onText?: (text: string) => void }} options
     */
    async build(tar, { tags, dockerfile, buildArgs, labels, signal, onText }) {
      const query = new URLSearchParams({
        dockerfile,
        buildargs: JSON.stringify(buildArgs),
        labels: JSON.stringify(labels),
        rm: '1',
        forcerm: '1',
        // What an image holds comes from its context and its base alone, on every machine.
        networkmode: 'none',
      });
      for (const tag of tags) query.append('t', tag);
      await call('POST', `/build?${query}`, { stream: tar, idleMs: 300_000, signal, onLine: (line) => onText?.(line.stream ?? line.error ?? '') });
    },

    /** @param {string} reference @returns {Promise<boolean>} false: it is in use or not there */
    async removeImage(reference) {
      try {
        await call('DELETE', `/images/${encodeURI(reference)}`);
        return true;
      } catch (error) {
        if (error instanceof DockerApiError && (error.status === 404 || error.status === 409)) return false;
        throw error;
      }
    },
  };
}

/** @param {Buffer} body */
function messageIn(body) {
  const text = body.toString('utf8').trim();
  try {
    const message = JSON.parse(text)?.message;
    return typeof message === 'string' ? message : text;
  } catch {
    return text || 'no message';
  }
}

/** @typedef {ReturnType<typeof dockerApi>} DockerApi */
