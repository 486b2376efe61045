import type { DockerOptions } from 'dockerode';

/** Where the daemon is when nothing says otherwise. */
const DEFAULT_SOCKET = '/var/run/docker.sock';

/** Reads `DOCKER_HOST` as the docker command does. @throws Error for a scheme that is none of unix, tcp, http, https. */
export function dockerConnection(dockerHost: string | undefined): DockerOptions {
  if (dockerHost === undefined) return { socketPath: DEFAULT_SOCKET };
  const url = new URL(dockerHost);
  switch (url.protocol) {
    case 'unix:':
      return { socketPath: url.pathname };
    case 'tcp:':
    case 'http:':
      return { protocol: 'http', host: url.hostname, port: Number(url.port === '' ? 2375 : url.port) };
    case 'https:':
      return { protocol: 'https', host: url.hostname, port: Number(url.port === '' ? 2376 : url.port) };
    default:
      throw new Error(`DOCKER_HOST must be unix:///path or tcp://host:port, not "${dockerHost}"`);
  }
}
