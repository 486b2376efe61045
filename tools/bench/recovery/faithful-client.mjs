// @ts-check
// An editor that does not give up: when its api is gone it goes on at the next one, from the last event that it has.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { io } from 'socket.io-client';
import { Interrupted } from '../../setup/setup-error.mjs';

/** @typedef {{ taskId: string, seq: number, attempt: number, status: string, code?: string, error?: string }} TaskEvent */
/** @typedef {{ at: number, event: TaskEvent }} HeardEvent `at`: on this process's monotonic clock, milliseconds */

const DURABLE = new Set(['task_progress', 'task_success', 'task_failed', 'task_cancelled']);
const ANSWER_WITHIN_MS = 5_000;
/** Between two tries to connect, or to submit. */
const TRY_AGAIN_MS = 20;
/** No recovery takes as long: what is not there by then does not come. */
const HAPPENS_WITHIN_MS = 90_000;

/**
 * @param {readonly string[]} apis their urls, in the order in which they are tried
 * @param {{ request: { projectId: string, nodeType: string }, signal: AbortSignal }} options
 */
export async function openFaithfulClient(apis, { request, signal }) {
  const urls = [...apis];
  /** Of every task that has not ended, what was heard. @type {Map<string, HeardEvent[]>} */
  const heard = new Map();
  /** @type {Set<() => void>} */
  const waiting = new Set();
  let resumptions = 0;
  let closed = false;
  let at = 0;
  const wake = () => waiting.forEach((look) => look());
  signal.addEventListener('abort', wake, { once: true });

  const url = () => urls[at % urls.length] ?? '';

  /** @param {string} name @param {TaskEvent} event */
  const hear = (name, event) => {
    if (!DURABLE.has(name)) return;
    const story = heard.get(event.taskId) ?? [];
    heard.set(event.taskId, story);
    if (event.seq <= (story.at(-1)?.event.seq ?? 0)) return;
    story.push({ at: performance.now(), event });
    wake();
  };

  const connect = async () => {
    for (; !closed && !signal.aborted; await pause(TRY_AGAIN_MS)) {
      const candidate = io(url(), { transports: ['websocket'], forceNew: true, reconnection: false, auth: { token: 'bench' }, timeout: ANSWER_WITHIN_MS });
      candidate.onAny(hear);
      const connected = await new Promise((resolve) => {
        candidate.once('connect', () => resolve(true));
        candidate.once('connect_error', () => resolve(false));
      });
      if (connected) return candidate;
      candidate.close();
      at += 1;
    }
    throw new Interrupted();
  };

  const goOn = async () => {
    at += 1;
    socket = await connect();
    watch();
    for (const [taskId, story] of heard) await socket.timeout(ANSWER_WITHIN_MS).emitWithAck('resume_task', { taskId, lastSeq: story.at(-1)?.event.seq ?? 0 });
    resumptions += 1;
    wake();
  };
  const watch = () =>
    void socket.once('disconnect', () => {
      // A failure shows as what is awaited and does not come; the next disconnection tries again.
      if (!closed) goOn().catch(() => undefined);
    });

  let socket = await connect();
  watch();

  /**
   * @template T
   * @param {string} what
   * @param {() => T | undefined} look
   * @returns {Promise<T>}
   */
  const until = (what, look) =>
    new Promise((resolve, reject) => {
      const settle = (/** @type {() => void} */ how) => {
        clearTimeout(timer);
        waiting.delete(lookAgain);
        how();
      };
      const timer = setTimeout(() => settle(() => reject(new Error(`${what} did not happen within ${HAPPENS_WITHIN_MS / 1000} s`))), HAPPENS_WITHIN_MS);
      const lookAgain = () => {
        if (signal.aborted) return settle(() => reject(new Interrupted()));
        try {
          const found = look();
          if (found !== undefined) settle(() => resolve(found));
        } catch (error) {
          settle(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      waiting.add(lookAgain);
      lookAgain();
    });

  return {
    /** The api that it is connected to, or tries next. */
    get url() {
      return url();
    },
    /**
     * Submits a task until an api has taken it; as often as it takes, but as one request.
     * @returns {Promise<{ taskId: string, at: number }>} `at`: when it was acknowledged
     */
    async submit() {
      const requestId = randomUUID();
      for (const until = performance.now() + HAPPENS_WITHIN_MS; performance.now() < until; await pause(TRY_AGAIN_MS)) {
        if (signal.aborted) throw new Interrupted();
        /** @type {{ taskId?: string, code?: string }} */
        const answer = await socket.timeout(ANSWER_WITHIN_MS).emitWithAck('start_generation', { ...request, nodeId: 'node', requestId, parameters: {} }).catch(() => ({}));
        if (answer.taskId !== undefined && answer.code === undefined) return { taskId: answer.taskId, at: performance.now() };
        if (answer.code !== undefined && answer.code !== 'UNAVAILABLE') throw new Error(`the task was refused: ${JSON.stringify(answer)}`);
      }
      throw new Error(`no task was taken within ${HAPPENS_WITHIN_MS / 1000} s`);
    },
    /**
     * Waits until the task runs.
     * @param {string} taskId
     * @param {number} [afterAttempt] in an attempt after this one
     * @returns {Promise<HeardEvent>}
     */
    running(taskId, afterAttempt = 0) {
      return until(`an attempt after ${afterAttempt} of the task ${taskId}`, () => {
        const story = heard.get(taskId) ?? [];
        const end = story.find(({ event }) => ['completed', 'failed', 'cancelled'].includes(event.status));
        if (end) throw new Error(`the task ${taskId} has ended: ${JSON.stringify(end.event)}`);
        return story.find(({ event }) => event.status === 'running' && event.attempt > afterAttempt);
      });
    },
    /** Ends a task, and waits until it has ended. @param {string} taskId */
    async cancel(taskId) {
      await socket.timeout(ANSWER_WITHIN_MS).emitWithAck('cancel_generation', { taskId });
      await until(`the end of the task ${taskId}`, () => heard.get(taskId)?.find(({ event }) => event.status === 'cancelled'));
      heard.delete(taskId);
    },
    /** Waits until it has gone on, with all its tasks, at another api. @returns {Promise<number>} when, on this process's monotonic clock */
    resumed() {
      const before = resumptions;
      return until('going on at another api', () => (resumptions > before ? performance.now() : undefined));
    },
    /** Gives up its connection without need. */
    drop: () => void socket.close(),
    /** Takes note that an api has come back elsewhere. @param {string} gone its url @param {string} successor */
    replace: (gone, successor) => void urls.splice(urls.indexOf(gone), 1, successor),
    close() {
      closed = true;
      socket.close();
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof openFaithfulClient>>} FaithfulClient */
