/**
 * An editor that knows every replica of the api, as one behind a load balancer does: when its own says that it ends, or is
 * gone, it goes on at one that is ready.
 *
 * Owns one connection at a time; each that it had stays in the stack's list, whose stories are checked. What must stay true:
 * every task that it started or followed is taken up again from the last event heard, on whatever connection that was.
 */
import { waitFor } from '@function-runner/testing';
import type { TaskAcknowledgedPayload, TaskErrorPayload } from '@function-runner/progress-protocol';
import type { AppProcess } from '../stack/app-process.js';
import type { RunnerStack } from '../stack/runner-stack.js';
import { isEnding, type Editor, type Start, type TaskEnding, type TaskMessage } from './editor.js';

export class RoamingEditor {
  /** Connections that it gave up. */
  moves = 0;
  private readonly connections: Editor[] = [];
  private readonly tasks = new Set<string>();
  private moving: Promise<Editor> | undefined;

  constructor(private readonly stack: RunnerStack) {}

  /** All that was heard of a task, over all connections, in the order heard. */
  story(taskId: string): TaskMessage[] {
    return this.connections.flatMap((editor) => editor.story(taskId));
  }

  /** Starts a node, again and elsewhere until it is answered. The request id makes that harmless. */
  async start(start: Start & { requestId: string }): Promise<TaskAcknowledgedPayload | TaskErrorPayload> {
    for (;;) {
      const editor = await this.here();
      const answer = await editor.ask<TaskAcknowledgedPayload | TaskErrorPayload>('start_generation', { nodeId: 'node-1', parameters: {}, ...start }).catch(() => undefined);
      if (answer === undefined) continue;
      if ('taskId' in answer && answer.taskId !== undefined) this.tasks.add(answer.taskId);
      return answer;
    }
  }

  /** Waits for a task's terminal event, wherever it has to go for it. */
  ending(taskId: string, timeoutMs: number): Promise<TaskEnding> {
    this.tasks.add(taskId);
    return waitFor(`the end of the task ${taskId}`, async () => {
      await this.here();
      return this.story(taskId).find(isEnding);
    }, timeoutMs, 50);
  }

  /** A connection that serves. */
  private async here(): Promise<Editor> {
    const current = this.connections.at(-1);
    if (this.moving === undefined && current?.socket.connected === true && current.named('server_closing').length === 0) return current;
    this.moving ??= this.move(current).finally(() => (this.moving = undefined));
    return this.moving;
  }

  private async move(from: Editor | undefined): Promise<Editor> {
    if (from !== undefined) {
      from.close();
      this.moves += 1;
    }
    const editor = await this.stack.editor(await this.ready());
    // What the last connection told is known by now, and this one has told nothing.
    const unfinished = [...this.tasks].filter((taskId) => !this.story(taskId).some(isEnding));
    this.connections.push(editor);
    // One that is lost meanwhile is noticed by whoever wants the connection next.
    for (const taskId of unfinished) await editor.ask('resume_task', { taskId, lastSeq: this.story(taskId).at(-1)?.payload.seq ?? 0 }).catch(() => undefined);
    return editor;
  }

  private ready(): Promise<AppProcess> {
    return waitFor('a replica to be ready', async () => {
      for (const api of this.stack.apis) {
        if (api.alive && (await fetch(`${api.url}/health/ready`).then(({ ok }) => ok, () => false))) return api;
      }
      return undefined;
    });
  }
}
