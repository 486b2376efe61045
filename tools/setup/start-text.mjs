// @ts-check
import { withoutPassword } from './redis-server.step.mjs';

/** The sample's node once more, over HTTP: a line that works when pasted. @param {string} apiUrl */
export function anotherTask(apiUrl) {
  const task = { nodeId: 'upscale-2', nodeType: 'image_upscale', projectId: 'sample-film', parameters: { input: 'plates/chelsea.png' } };
  return `curl -sS -X POST ${apiUrl}/v1/generations -H 'content-type: application/json' -d '${JSON.stringify(task)}'`;
}

/**
 * What is said once the sample is done: where the take is, and how to go on.
 * @param {{ takePath: string, apiUrl: string, redisUrl: string, logs: string, once: boolean }} facts
 */
export function goingOn({ takePath, apiUrl, redisUrl, logs, once }) {
  if (once) return `\nTake         ${takePath}\n`;
  const line = (/** @type {string} */ name, /** @type {string} */ text) => `${name.padEnd(12)} ${text}`;
  return [
    '',
    line('Take', takePath),
    line('API', `${apiUrl}  (Socket.IO on the same address)`),
    line('API docs', `${apiUrl}/docs`),
    line('Redis', withoutPassword(redisUrl)),
    line('Logs', logs),
    line('Another', anotherTask(apiUrl)),
    line('', '(or with Socket.IO: see README.md)'),
    line('Stop', 'Ctrl-C'),
    '',
  ].join('\n');
}
