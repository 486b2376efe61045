// @ts-check
// An editor, as far as a bench needs one: starts tasks over one Socket.IO connection and notes when what arrives.
import { io } from 'socket.io-client';

/**
 * When a task's messages arrived, milliseconds after its submission.
 * @typedef {object} TaskTimes
 * @property {number} submittedAt on this process's monotonic clock
 * @property {number} ack the acknowledgement callback
 * @property {number} preparing the event that a worker writes when it has taken the task
 * @property {number} running the first `task_progress` with status `running`
 * @property {number} firstProgress the first `task_progress` of more than 0; NaN where there was none
 * @property {number} end `task_success`
 * @property {number} messages everything delivered for the task: the callback and every event
 */

/** @typedef {{ nodeId: string, status?: string, progress?: number, step?: string, result?: unknown, error?: string, code?: string }} TaskMessage */
/** @typedef {{ name: string, payload: TaskMessage }} ReceivedEvent */

const CONNECT_WITHIN_MS = 5_000;
const TASK_WITHIN_MS = 20_000;

/**
 * @param {string} url
 * @param {{ projectId: string, nodeType: string, parameters?: Record<string, unknown> }} request
 */
export async function openTaskClient(url, { projectId, nodeType, parameters = { prompt: 'a lighthouse at dusk', steps: 20 } }) {
  const socket = io(url, { transports: ['websocket'], reconnection: false, auth: { token: 'bench' }, timeout: CONNECT_WITHIN_MS });
  await new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(undefined));
    socket.once('connect_error', (error) => reject(new Error(`no Socket.IO connection to ${url}: ${error.message}`)));
  });

  /** Node ids are not used twice, so they tell the tasks apart even before a task id is known. */
  let counter = 0;
  /** @type {Map<string, (event: ReceivedEvent) => void>} */
  const listeners = new Map();
  socket.onAny((name, payload) => listeners.get(payload?.nodeId)?.({ name, payload }));

  return {
    /**
     * Runs one task to its end and, on the way, tells of each event.
     * @param {(event: ReceivedEvent) => void} [onEvent]
     * @returns {Promise<TaskTimes>}
     */
    run(onEvent) {
      counter += 1;
      const nodeId = `node-${counter}`;
      return new Promise((resolve, reject) => {
        const submittedAt = performance.now();
        const times = { submittedAt, ack: NaN, preparing: NaN, running: NaN, firstProgress: NaN, end: NaN, messages: 0 };
        const since = () => performance.now() - submittedAt;
        /** @param {Error} [error] */
        const settle = (error) => {
          clearTimeout(timer);
          listeners.delete(nodeId);
          if (error) reject(error);
          else resolve(times);
        };
        const timer = setTimeout(() => settle(new Error(`the task of ${nodeId} did not end within ${TASK_WITHIN_MS / 1000} s: ${JSON.stringify(times)}`)), TASK_WITHIN_MS);
        // Whichever comes last: in a floor nothing says that the acknowledgement precedes the end.
        const settleWhenDone = () => {
          if (!Number.isNaN(times.end) && !Number.isNaN(times.ack)) settle();
        };
        listeners.set(nodeId, (event) => {
          times.messages += 1;
          onEvent?.(event);
          const { name, payload } = event;
          if (name === 'task_progress') {
            if (payload.status === 'preparing' && Number.isNaN(times.preparing)) times.preparing = since();
            else if (payload.status === 'running' && Number.isNaN(times.running)) times.running = since();
            if ((payload.progress ?? 0) > 0 && Number.isNaN(times.firstProgress)) times.firstProgress = since();
          } else if (name === 'task_success') {
            times.end = since();
            settleWhenDone();
          } else if (name !== 'task_acknowledged' && name !== 'task_preview') settle(new Error(`${name} ${payload.code ?? ''}: ${payload.error ?? JSON.stringify(payload)}`));
        });
        socket.emit('start_generation', { nodeId, nodeType, projectId, parameters }, () => {
          times.messages += 1;
          times.ack = since();
          settleWhenDone();
        });
      });
    },
    close: () => void socket.close(),
  };
}

/** @typedef {Awaited<ReturnType<typeof openTaskClient>>} TaskClient */
