// @ts-check
import { createServer } from 'node:net';
import { SetupError } from './setup-error.mjs';

/**
 * Listens for a moment: the only sure answer to whether a port can be had.
 * @param {number} port 0: any
 * @returns {Promise<number | undefined>} the port, or undefined when it is taken
 */
export function tryPort(port, host = '127.0.0.1') {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(address && typeof address === 'object' ? address.port : undefined));
    });
  });
}

/** @returns {Promise<number>} */
export async function freePort() {
  const port = await tryPort(0);
  if (port === undefined) throw new SetupError('No free port on 127.0.0.1.', 'Close some programs that listen on the loopback address.');
  return port;
}

/**
 * A default that is taken gives way; a port that was asked for does not.
 * @param {{ name: string, wanted: string | undefined, fallback: number, isFree: (port: number) => Promise<boolean>, anyFree: () => Promise<number> }} question
 * @returns {Promise<{ port: number, note?: string }>}
 */
export async function choosePort({ name, wanted, fallback, isFree, anyFree }) {
  if (wanted !== undefined && wanted !== '') {
    const port = Number(wanted);
    if (!Number.isInteger(port) || port < 1 || port > 65535) {
      throw new SetupError(`${name}=${wanted} is not a port.`, `Set ${name} to a number from 1 to 65535, or leave it out.`);
    }
    if (!(await isFree(port))) {
      throw new SetupError(`${name}=${port} is already in use on this machine.`, `Stop what listens there, or set ${name} to another port, or leave it out and a free one is chosen.`);
    }
    return { port };
  }
  if (await isFree(fallback)) return { port: fallback };
  const port = await anyFree();
  return { port, note: `port ${fallback} is taken, using ${port}` };
}
