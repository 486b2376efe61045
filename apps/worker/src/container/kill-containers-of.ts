/**
 * Kills the containers of one worker by nothing but plain HTTP requests to the daemon, each bounded: for whoever must not
 * wait for a grace, and for the watchdog's thread, which shares nothing with the rest of the worker. Everything else about
 * containers is the engine adapter's.
 */
import { request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { LABEL } from './container-labels.js';
import { dockerConnection } from './docker-connection.js';

/** Whose containers, and where. */
export interface KillTarget {
  /** As `DOCKER_HOST` says it; undefined: the local socket. */
  dockerHost: string | undefined;
  installId: string;
  workerId: string;
}

/** How long the daemon may take for one answer, milliseconds: it lists from memory, and kills without a grace. */
const ANSWER_MS = 2000;

/** The longest answer that is read, bytes; a list of a thousand containers takes a tenth of it. */
const LONGEST_ANSWER = 16 * 1024 * 1024;

/** What the daemon says to a kill that had nothing left to do: it is gone (404), or does not run (409). */
const GONE = [404, 409];

/**
 * Sends SIGKILL to every running container of the worker, serving ones too.
 * @returns the ids of those that were killed by it
 * @throws Error when the daemon does not answer in time, or refuses; those that it did answer for are killed
 */
export async function killContainersOf({ dockerHost, installId, workerId }: KillTarget): Promise<string[]> {
  const filters = JSON.stringify({ label: [`${LABEL.install}=${installId}`, `${LABEL.worker}=${workerId}`] });
  const list = await ask(dockerHost, 'GET', `/containers/json?filters=${encodeURIComponent(filters)}`);
  if (list.status !== 200) throw refused('list containers', list);
  const ids = (JSON.parse(list.body) as { Id: string }[]).map(({ Id }) => Id);
  const answers = await Promise.allSettled(ids.map((id) => ask(dockerHost, 'POST', `/containers/${id}/kill`)));
  const killed = ids.filter((_, index) => {
    const answer = answers[index];
    return answer?.status === 'fulfilled' && answer.value.status === 204;
  });
  for (const answer of answers) {
    if (answer.status === 'rejected') throw answer.reason;
    if (answer.value.status !== 204 && !GONE.includes(answer.value.status)) throw refused('kill a container', answer.value);
  }
  return killed;
}

interface Answer {
  status: number;
  body: string;
}

function ask(dockerHost: string | undefined, method: 'GET' | 'POST', path: string): Promise<Answer> {
  const { protocol, socketPath, host, port } = dockerConnection(dockerHost);
  const send = protocol === 'https' ? requestSecure : requestPlain;
  return new Promise((resolve, reject) => {
    const options = { ...(socketPath === undefined ? { host, port } : { socketPath }), method, path, agent: false };
    const sent = send(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
        if (body.length > LONGEST_ANSWER) response.destroy(new Error('the container engine answers without end'));
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.once('error', reject);
    });
    const timer = setTimeout(() => sent.destroy(new Error(`the container engine gave no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
    sent.once('error', reject);
    sent.once('close', () => clearTimeout(timer));
    sent.end();
  });
}

function refused(what: string, { status, body }: Answer): Error {
  return new Error(`the container engine would not ${what}: ${status} ${body.slice(0, 300).trim()}`);
}
