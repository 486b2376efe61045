/** Every request and event of the contract, over real connections. The chapters are those of protocol.md. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { ERROR_CODES, TASK_ID } from '@function-runner/task-contract';
import type { BatchAcknowledgedPayload, BatchProgressPayload, CancelAcknowledgedPayload, ProjectSnapshotPayload, TaskErrorPayload, TaskResumedPayload } from '@function-runner/progress-protocol';
import { waitFor } from '@function-runner/testing';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { keysLike } from './invariants/keys-like.js';
import { PUPPET, tiersFile } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import { readEvents } from './rest/event-stream.js';
import { RunnerStack } from './stack/runner-stack.js';

const UNKNOWN_TASK = '01890000-0000-7000-8000-000000000000';
const TASK_MS = 60_000;

describe('a runner with two apis and a worker', () => {
  let stack: RunnerStack;
  let editor: Editor;

  beforeAll(async () => {
    stack = await RunnerStack.start({ apis: 2 });
  }, TASK_MS);
  beforeEach(async () => {
    editor = await stack.editor();
  });
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  describe('§3 start_generation', () => {
    it('is answered through the callback and as an event, with the same payload', async () => {
      const { id: projectId } = await stack.project();
      const acknowledged = await editor.start({ projectId, nodeType: PUPPET.plain });
      await editor.success(acknowledged.taskId);
      expect(editor.named('task_acknowledged')).toEqual([acknowledged]);
    });

    it('is answered as an event where there is no callback', async () => {
      const { id: projectId } = await stack.project();
      editor.tell('start_generation', { projectId, nodeId: 'node-1', nodeType: PUPPET.plain, parameters: {}, requestId: 'silent' });
      const { taskId } = await editor.hear<{ taskId: string; requestId: string }>('task_acknowledged', ({ requestId }) => requestId === 'silent');
      await editor.success(taskId);
      editor.tell('start_generation', { projectId, nodeId: 'node-1', nodeType: 'no_such_thing', parameters: {} });
      const refusal = await editor.hear<TaskErrorPayload>('task_error');
      expect(refusal).toMatchObject({ nodeId: 'node-1', code: 'UNKNOWN_NODE_TYPE' });
    });

    it('starts one task for one requestId, however often and from wherever it is sent', async () => {
      const [project, other] = [await stack.project(), await stack.project()];
      const second = await stack.editor(stack.apis[1]);
      const start = { projectId: project.id, nodeType: PUPPET.plain, requestId: 'render-1' };
      const answers = await Promise.all([editor, second, editor, second, editor, second, editor, second].map((client) => client.start(start)));
      const ids = new Set(answers.map(({ taskId }) => taskId));
      expect(ids.size).toBe(1);
      const [taskId = ''] = ids;
      // Both clients have asked for it, so both are told its story.
      await Promise.all([editor.success(taskId), second.success(taskId)]);
      const again = await editor.start(start);
      expect(again).toMatchObject({ taskId, status: 'completed' });
      await editor.fence();
      const elsewhere = await editor.start({ ...start, projectId: other.id });
      expect(elsewhere.taskId).not.toBe(taskId);
      await editor.success(elsewhere.taskId);
      expect((await stack.containers.events()).filter(({ action, taskId: id }) => action === 'start' && id === taskId)).toHaveLength(1);
    });

    it('heeds the priority', async () => {
      const project = await stack.project('low');
      const start = { projectId: project.id, nodeType: PUPPET.plain };
      const first = await editor.start({ ...start, parameters: { gate: 'go' } });
      await editor.reached(first.taskId, ({ status }) => status === 'running');
      const waiting = [await editor.start({ ...start, priority: 'low' }), await editor.start({ ...start }), await editor.start({ ...start, priority: 'high' })];
      expect(waiting.map(({ queuePosition }) => queuePosition)).toEqual([1, 1, 1]);
      await stack.open(project, 'go');
      await Promise.all([first, ...waiting].map(({ taskId }) => editor.success(taskId)));
      const order = editor.named<{ taskId: string }>('task_success').map(({ taskId }) => taskId);
      expect(order).toEqual([first.taskId, ...waiting.map(({ taskId }) => taskId).reverse()]);
    });
  });

  describe('§3 start_batch', () => {
    it('starts the good items, refuses the bad ones, and tells how the batch stands until it is over', async () => {
      const project = await stack.project();
      const batch = {
        batchId: 'dailies-1', projectId: project.id,
        items: [
          { nodeId: 'a', nodeType: PUPPET.plain, parameters: {}, requestId: 'item-a' },
          { nodeId: 'b', nodeType: 'no_such_thing', parameters: {} },
          { nodeId: 'c', nodeType: PUPPET.plain, parameters: { exit_code: 3 } },
          { nodeId: 'd', nodeType: PUPPET.plain, parameters: 'none' },
        ],
      };
      const answer = await editor.ask<BatchAcknowledgedPayload>('start_batch', batch);
      expect(answer).toEqual({
        batchId: 'dailies-1',
        tasks: [
          { nodeId: 'a', taskId: expect.stringMatching(TASK_ID) as string, status: 'queued', requestId: 'item-a' },
          expect.objectContaining({ nodeId: 'b', code: 'UNKNOWN_NODE_TYPE' }),
          { nodeId: 'c', taskId: expect.stringMatching(TASK_ID) as string, status: 'queued', requestId: 'dailies-1:2' },
          expect.objectContaining({ nodeId: 'd', code: 'VALIDATION_FAILED' }),
        ],
      });
      expect(editor.named('batch_acknowledged')).toEqual([answer]);
      const over = await editor.hear<BatchProgressPayload>('batch_completed', () => true, TASK_MS);
      expect(over).toEqual({ batchId: 'dailies-1', total: 2, queued: 0, running: 0, completed: 1, failed: 1, cancelled: 0, progress: 100 });
      const reports = editor.named<BatchProgressPayload>('batch_progress');
      expect(reports.length).toBeGreaterThan(0);
      for (const { total, queued, running, completed, failed, cancelled } of reports) expect(queued + running + completed + failed + cancelled).toBe(total);
      const events = editor.story(taskIdOf(answer, 0));
      expect(events.every(({ payload }) => payload.batchId === 'dailies-1')).toBe(true);

      const again = await editor.ask<BatchAcknowledgedPayload>('start_batch', batch);
      expect([taskIdOf(again, 0), taskIdOf(again, 2)]).toEqual([taskIdOf(answer, 0), taskIdOf(answer, 2)]);
      await editor.fence();
    });
  });

  describe('§3 cancel_generation', () => {
    it('stops a running task: its container is gone before its end is told', async () => {
      const project = await stack.project();
      const { taskId } = await editor.start({ projectId: project.id, nodeType: PUPPET.plain, parameters: { gate: 'never' } });
      await editor.reached(taskId, ({ status }) => status === 'running');
      expect(await stack.containers.present()).toEqual([`${taskId}.1`]);
      const first = await editor.ask<CancelAcknowledgedPayload>('cancel_generation', { taskId });
      const second = await editor.ask<CancelAcknowledgedPayload>('cancel_generation', { taskId });
      expect(first).toEqual({ taskId, status: 'cancelling' });
      expect(['cancelling', 'cancelled']).toContain(second.status);
      const ending = await editor.ending(taskId);
      expect(await stack.containers.present()).toEqual([]);
      expect(ending).toMatchObject({ name: 'task_cancelled', payload: { status: 'cancelled', reason: 'cancelled by a client', attempt: 1 } });
      expect(editor.story(taskId).map(({ payload }) => payload.status)).toContain('cancelling');
      expect(editor.named('cancel_acknowledged')).toEqual([first, second]);
      expect(await editor.ask('cancel_generation', { taskId })).toEqual({ taskId, status: 'cancelled' });
    });

    it('ends a waiting task at once, and never runs it', async () => {
      const project = await stack.project('low');
      const start = { projectId: project.id, nodeType: PUPPET.plain };
      const first = await editor.start({ ...start, parameters: { gate: 'go' } });
      await editor.reached(first.taskId, ({ status }) => status === 'running');
      const waiting = await editor.start(start);
      expect(await editor.ask('cancel_generation', { taskId: waiting.taskId })).toEqual({ taskId: waiting.taskId, status: 'cancelled' });
      expect(await editor.ending(waiting.taskId)).toMatchObject({ name: 'task_cancelled', payload: { attempt: 0, seq: 2 } });
      await stack.open(project, 'go');
      await editor.success(first.taskId);
      expect(await stack.containers.events(waiting.taskId)).toEqual([]);
    });

    it('leaves a finished task as it is, and does not know an unknown one', async () => {
      const { id: projectId } = await stack.project();
      const { taskId } = await editor.start({ projectId, nodeType: PUPPET.plain });
      await editor.success(taskId);
      expect(await editor.ask('cancel_generation', { taskId })).toEqual({ taskId, status: 'completed' });
      expect(await editor.ask('cancel_generation', { taskId: UNKNOWN_TASK })).toMatchObject({ code: 'TASK_NOT_FOUND', taskId: UNKNOWN_TASK });
      expect(await editor.ask('cancel_generation', { batchId: 'no-such-batch' })).toMatchObject({ code: 'TASK_NOT_FOUND' });
    });

    it('stops a whole batch', async () => {
      const project = await stack.project('low');
      const items = ['a', 'b', 'c'].map((nodeId) => ({ nodeId, nodeType: PUPPET.plain, parameters: { gate: 'never' } }));
      const { tasks } = await editor.ask<BatchAcknowledgedPayload>('start_batch', { batchId: 'dailies-2', projectId: project.id, items });
      const ids = tasks.map((_, index) => taskIdOf({ batchId: '', tasks }, index));
      await waitFor('one of them to run', () => ids.find((taskId) => editor.story(taskId).some(({ payload }) => payload.status === 'running')));
      const answer = await editor.ask<{ batchId: string; tasks: CancelAcknowledgedPayload[] }>('cancel_generation', { batchId: 'dailies-2' });
      expect(answer.tasks.map(({ status }) => status).sort()).toEqual(['cancelled', 'cancelled', 'cancelling']);
      expect(await editor.hear<BatchProgressPayload>('batch_completed')).toMatchObject({ batchId: 'dailies-2', total: 3, cancelled: 3, progress: 100 });
    });
  });

  describe('§3 resume_task', () => {
    it('tells everything after any seq, at any api, once', async () => {
      const { id: projectId } = await stack.project();
      const { taskId } = await editor.start({ projectId, nodeType: PUPPET.plain, parameters: { steps: 2 } });
      const { seq: last } = await editor.success(taskId);
      for (const lastSeq of [...Array.from({ length: last + 1 }, (_, seq) => seq), last + 100]) {
        const reader = await stack.editor(stack.apis[lastSeq % 2]);
        const resumed = await reader.ask<TaskResumedPayload>('resume_task', { taskId, lastSeq });
        expect(resumed).toEqual({ taskId, status: 'completed', lastSeq: last });
        await reader.fence();
        expect(reader.named('task_resumed')).toEqual([resumed]);
        // Who has seen more than there is was told it by a Redis that has lost it since, and cannot know this end.
        expect(reader.story(taskId)).toEqual(editor.story(taskId).slice(lastSeq > last ? -1 : lastSeq));
        reader.close();
      }
      expect(await editor.ask('resume_task', { taskId: UNKNOWN_TASK })).toMatchObject({ code: 'TASK_NOT_FOUND' });
    });

    it('goes on with the live events, after a disconnect and at another api', async () => {
      const project = await stack.project();
      const { taskId } = await editor.start({ projectId: project.id, nodeType: PUPPET.plain, parameters: { gate: 'go' } });
      const { seq: lastSeq } = await editor.reached(taskId, ({ status }) => status === 'running');
      editor.close();
      const [same, other] = [await stack.editor(stack.apis[0]), await stack.editor(stack.apis[1])];
      const resumed = await same.ask<TaskResumedPayload>('resume_task', { taskId, lastSeq });
      expect(resumed.status).toBe('running');
      await other.ask('resume_task', { taskId });
      await stack.open(project, 'go');
      await Promise.all([same.success(taskId), other.success(taskId)]);
      expect(same.story(taskId)[0]?.payload.seq).toBe(lastSeq + 1);
      expect(other.story(taskId)[0]?.payload.seq).toBe(1);
      expect(other.story(taskId).slice(lastSeq)).toEqual(same.story(taskId));
    });
  });

  describe('§3 subscribe_project', () => {
    it('shows the project, then all that happens in it, until unsubscribe_project', async () => {
      const project = await stack.project();
      const artist = await stack.editor(stack.apis[1]);
      const before = await artist.start({ projectId: project.id, nodeType: PUPPET.plain });
      const finished = await artist.success(before.taskId);

      const snapshot = await editor.ask<ProjectSnapshotPayload>('subscribe_project', { projectId: project.id });
      expect(snapshot).toMatchObject({ projectId: project.id, tasks: [{ taskId: before.taskId, nodeId: 'node-1', nodeType: PUPPET.plain, status: 'completed', lastSeq: finished.seq, quality: 'standard', result: { outputPath: finished.result.outputPath } }] });
      expect(editor.named('project_snapshot')).toEqual([snapshot]);

      const during = await artist.start({ projectId: project.id, nodeType: PUPPET.plain });
      await Promise.all([artist.success(during.taskId), editor.success(during.taskId)]);
      expect(editor.story(during.taskId)).toEqual(artist.story(during.taskId));

      await editor.ask('unsubscribe_project', { projectId: project.id });
      // At the same api as the editor, so that what the editor could hear has been sent when the watcher hears it.
      const watcher = await stack.editor();
      await watcher.ask('subscribe_project', { projectId: project.id });
      const after = await artist.start({ projectId: project.id, nodeType: PUPPET.plain });
      await watcher.success(after.taskId);
      await editor.fence();
      expect(editor.story(after.taskId)).toEqual([]);
      await artist.success(after.taskId);
    });
  });

  it('§3 task_failed carries code, sentence and the last lines of the log', async () => {
    const { id: projectId } = await stack.project();
    const { taskId } = await editor.start({ projectId, nodeType: PUPPET.plain, parameters: { log: ['one', 'two'], exit_code: 3 } });
    const failure = await editor.failure(taskId);
    expect(failure).toMatchObject({ status: 'failed', code: 'CONTAINER_EXITED', retryable: false, logTail: ['one', 'two'] });
    expect(failure.error).toBe('the pipeline ended with exit code 3; its last line: two');
  });

  describe('§4 the channel task:progress:{task_id}', () => {
    it('tells a plain Redis subscriber the same', async () => {
      const { id: projectId } = await stack.project();
      const heard: { channel: string; text: string }[] = [];
      const plain = new Redis(stack.redisServer.url);
      try {
        plain.on('pmessage', (_pattern: string, channel: string, text: string) => heard.push({ channel, text }));
        await plain.psubscribe('task:progress:*');
        const { taskId } = await editor.start({ projectId, nodeId: 'node-9', nodeType: PUPPET.plain });
        const { result } = await editor.success(taskId);
        const channel = `task:progress:${taskId}`;
        await waitFor('the last message', () => heard.some(({ text }) => text.includes('"completed"')));
        const own = heard.filter((message) => message.channel === channel).map(({ text }) => JSON.parse(text) as Record<string, unknown>);
        expect(own.map(({ seq, status, progress, step, attempt, timestamp }) => ({ seq, status, progress, step, attempt, timestamp }))).toEqual(
          editor.story(taskId).map(({ payload: { seq, status, progress, step, attempt, timestamp } }) => ({ seq, status, progress, step, attempt, timestamp })),
        );
        expect(own[0]).toEqual({ task_id: taskId, node_id: 'node-9', project_id: projectId, seq: 1, attempt: 0, progress: 0, step: 'queued', status: 'queued', timestamp: expect.stringMatching(/Z$/) as string, queue_position: 1 });
        expect(own.at(-1)).toMatchObject({ task_id: taskId, status: 'completed', result });
        const log = await stack.redis.xrange(`task:{${taskId}}:events`, '-', '+');
        expect(log.map(([, fields]) => fields[1])).toEqual(heard.filter((message) => message.channel === channel).map(({ text }) => text));
      } finally {
        plain.disconnect();
      }
    });
  });

  describe('§7 HTTP', () => {
    it('keeps projects', async () => {
      const made = await call(stack.api, 'PUT', '/v1/projects/rest-film', { name: 'Rest Film', quality: 'high' });
      expect(made).toMatchObject({ status: 200, body: { id: 'rest-film', name: 'Rest Film', quality: 'high' } });
      expect((await call(stack.api, 'GET', '/v1/projects/rest-film')).body).toEqual(made.body);
      expect(await call(stack.api, 'GET', '/v1/projects/nobody')).toMatchObject({ status: 404, mediaType: 'application/problem+json', body: { code: 'PROJECT_NOT_FOUND', status: 404 } });
    });

    it('starts, shows, lists and cancels tasks', async () => {
      const project = await stack.project();
      const started = await call(stack.api, 'POST', '/v1/generations', { projectId: project.id, nodeId: 'node-1', nodeType: PUPPET.plain, parameters: { gate: 'never' } });
      const { taskId } = started.body as { taskId: string };
      expect(started).toMatchObject({ status: 202, body: { nodeId: 'node-1', status: 'queued', quality: 'standard' } });
      expect(started.headers.get('location')).toBe(`/v1/tasks/${taskId}`);
      await waitFor('the task to run', async () => ((await call(stack.api, 'GET', `/v1/tasks/${taskId}`)).body as { status: string }).status === 'running');
      const running = await call(stack.api, 'GET', `/v1/tasks?projectId=${project.id}&status=running`);
      expect(running.body).toMatchObject({ tasks: [{ taskId, nodeType: PUPPET.plain }] });
      expect((await call(stack.api, 'GET', `/v1/tasks?projectId=${project.id}&status=completed`)).body).toEqual({ tasks: [] });
      expect(await call(stack.apis[1] ?? stack.api, 'DELETE', `/v1/tasks/${taskId}`)).toMatchObject({ status: 202, body: { taskId, status: 'cancelling' } });
      await waitFor('the task to be cancelled', async () => ((await call(stack.api, 'GET', `/v1/tasks/${taskId}`)).body as { status: string }).status === 'cancelled');
      expect(await call(stack.api, 'DELETE', `/v1/tasks/${taskId}`)).toMatchObject({ status: 200, body: { taskId, status: 'cancelled' } });
    });

    it('streams a task’s events from any Last-Event-ID on, and ends the stream with the task', async () => {
      const project = await stack.project();
      const { taskId } = await editor.start({ projectId: project.id, nodeType: PUPPET.plain, parameters: { gate: 'go' } });
      await editor.reached(taskId, ({ status }) => status === 'running');
      const live = readEvents(stack.apis[1] ?? stack.api, taskId);
      await stack.open(project, 'go');
      await editor.success(taskId);
      const asStored = editor.story(taskId).map(({ name, payload }) => ({ id: String(payload.seq), event: name, data: payload }));
      expect(await live).toEqual(asStored);
      expect(await readEvents(stack.api, taskId, 3)).toEqual(asStored.slice(3));
    });

    it('answers errors as problem details', async () => {
      const { mediaType, status, body } = await call(stack.api, 'POST', '/v1/generations', { nodeId: 'node-1' });
      expect([mediaType, status]).toEqual(['application/problem+json', 400]);
      expect(body).toMatchObject({ type: expect.any(String) as string, title: expect.any(String) as string, status: 400, code: 'VALIDATION_FAILED', detail: expect.stringContaining('projectId') as string });
      expect(await call(stack.api, 'GET', `/v1/tasks/${UNKNOWN_TASK}`)).toMatchObject({ status: 404, mediaType: 'application/problem+json', body: { code: 'TASK_NOT_FOUND' } });
      expect(await call(stack.api, 'GET', `/v1/tasks/${UNKNOWN_TASK}/events`)).toMatchObject({ status: 404, body: { code: 'TASK_NOT_FOUND' } });
      expect(await call(stack.api, 'POST', '/v1/generations', '{"nodeId":')).toMatchObject({ status: 400, mediaType: 'application/problem+json', body: { code: 'VALIDATION_FAILED' } });
    });

    it('says what it can run', async () => {
      const { pipelines } = (await call(stack.api, 'GET', '/v1/pipelines')).body as { pipelines: { tier: string; nodeType: string; pipelineId: string; parameters?: object }[] };
      expect(pipelines).toContainEqual(expect.objectContaining({ tier: 'premium', nodeType: 'image_upscale', pipelineId: 'image-upscale:1.0-premium', parameters: expect.objectContaining({ required: ['input'] }) as object }));
      expect(pipelines).toContainEqual(expect.objectContaining({ tier: 'low', nodeType: 'image_generation', pipelineId: 'auteur-flux:1.0-low-vram' }));
      const { models } = (await call(stack.api, 'GET', '/v1/models')).body as { models: object[] };
      expect(models).toContainEqual(expect.objectContaining({ id: 'esrgan-slim-x2', version: '1.0.0', type: 'image', current: true }));
    });

    it('describes itself with OpenAPI, naming every route', async () => {
      const { status, body } = await call(stack.api, 'GET', '/docs-json');
      const { openapi, paths } = body as { openapi: string; paths: Record<string, object> };
      expect([status, openapi.slice(0, 2)]).toEqual([200, '3.']);
      expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/v1/generations', '/v1/tasks', '/v1/tasks/{id}', '/v1/tasks/{id}/events', '/v1/projects/{id}', '/v1/pipelines', '/v1/models']));
      const page = await call(stack.api, 'GET', '/docs');
      expect(page).toMatchObject({ status: 200, mediaType: 'text/html' });
    });

    it('tells of the health of both apps, and their figures', async () => {
      const [worker] = stack.workers;
      if (worker === undefined) throw new Error('no worker');
      for (const app of [stack.api, worker]) {
        expect(await call(app, 'GET', '/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } });
        expect(await call(app, 'GET', '/health/ready')).toMatchObject({ status: 200, body: { status: 'ok' } });
        const { body, mediaType } = await call(app, 'GET', '/metrics');
        expect(mediaType).toBe('text/plain');
        expect(body).toContain('process_resident_memory_bytes');
      }
      const { details } = (await call(worker, 'GET', '/health/ready')).body as { details: Record<string, { status: string }> };
      expect(Object.keys(details).sort()).toEqual(['docker', 'gpu', 'model_storage', 'redis', 'worker', 'workspace']);
      expect((await call(worker, 'GET', '/metrics')).body).toMatch(/function_runner_attempts_total\{[^}]*outcome="completed"[^}]*\} [1-9]/);
      expect((await call(stack.api, 'GET', '/metrics')).body).toMatch(/function_runner_requests_total\{[^}]*name="start_generation"[^}]*\} [1-9]/);
    });
  });
});

describe('a runner without a worker', () => {
  /** Long enough to look at a task that has ended, short enough to wait for. */
  const RETENTION_MS = 2000;
  let stack: RunnerStack;
  let editor: Editor;
  let forgetful: string;

  beforeAll(async () => {
    stack = await RunnerStack.start({ workers: 0, environment: { EVENT_RETENTION: `${RETENTION_MS}ms`, CONTAINER_ENGINE: 'null', NULL_ENGINE_DURATION_MS: '400' } });
  }, TASK_MS);
  beforeEach(async () => {
    editor = await stack.editor();
  });
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it('§2 keeps each task as a job of its tier’s queue, and drops it with the task', async () => {
    for (const [quality, tier] of [['low', 'low'], ['Standard', 'standard'], ['HIGH', 'high'], ['premium', 'premium'], ['ultra', 'standard']] as const) {
      const project = await stack.project(quality);
      const acknowledged = await editor.start({ projectId: project.id, nodeId: 'node-1', nodeType: 'image_generation', parameters: { prompt: 'dawn', output_path: '/etc' }, requestId: 'r-1' });
      expect(acknowledged).toMatchObject({ quality: tier, status: 'queued' });
      const { taskId } = acknowledged;
      expect(taskId).toMatch(TASK_ID);
      const queue = new Queue(`quality_${tier}`, { connection: stack.redis });
      try {
        const job = await queue.getJob(taskId);
        const config = tiersFile().tiers[tier]?.pipelines['image_generation'];
        expect(job?.data).toEqual({
          pipeline_id: config?.pipeline_id,
          node_type: 'image_generation',
          demand: { gpus: 1, vram_bytes: (config?.target_vram ?? 0) * 1024 ** 3, splittable: tier === 'premium', cpu_millis: 0, memory_bytes: 0 },
          parameters: { prompt: 'dawn', node_id: 'node-1', project_id: project.id, output_path: `/workspace/${project.name}/outputs/renders/node-1` },
          config: { ...config, timeout_seconds: tiersFile().tiers[tier]?.timeout_seconds },
          workspace_path: '/workspace',
          submitted_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
          trace: { request_id: 'r-1', project_name: project.name, quality: tier },
        });
        expect(await editor.ask('cancel_generation', { taskId })).toEqual({ taskId, status: 'cancelled' });
        await editor.ending(taskId);
        expect(await queue.getJob(taskId)).toBeUndefined();
      } finally {
        await queue.close();
      }
    }
  });

  it('§4 leaves nothing of a task behind once its retention is over', async () => {
    await stack.addWorker();
    forgetful = (await stack.project()).id;
    const { taskId } = await editor.start({ projectId: forgetful, nodeType: PUPPET.plain, requestId: 'fleeting' });
    await editor.success(taskId);
    expect(await keysLike(stack.redis, `*${taskId}*`)).toEqual([`task:{${taskId}}`, `task:{${taskId}}:events`]);
    await waitFor('the task to be forgotten', async () => (await keysLike(stack.redis, `*${taskId}*`)).length === 0, RETENTION_MS * 3);
    expect(await editor.ask('resume_task', { taskId })).toMatchObject({ code: 'TASK_NOT_FOUND' });

    const lasting: string[] = [];
    for (const key of await keysLike(stack.redis, '*')) if ((await stack.redis.pttl(key)) === -1) lasting.push(key);
    // A project stays until it is removed; BullMQ keeps a queue's settings, its bounded event stream and nothing a task.
    expect(lasting.filter((key) => !/^project:\{film-\d+\}$|^bull:quality_(low|standard|high|premium):(meta|events|id|pc|marker|stalled-check)$/.test(key))).toEqual([]);
  });

  it('§3 runs a request again whose task is forgotten, and tells whoever asks for it', async () => {
    const { taskId } = await editor.start({ projectId: forgetful, nodeType: PUPPET.plain, requestId: 'fleeting' });
    const other = await stack.editor();
    await other.ask('resume_task', { taskId });
    await Promise.all([editor.success(taskId), other.success(taskId)]);
    expect(other.story(taskId)).toEqual(editor.story(taskId));
  });
});

it('§3 the codes are a closed set, each with whose fault it is', () => {
  expect(Object.keys(ERROR_CODES)).toHaveLength(30);
});

function taskIdOf({ tasks }: BatchAcknowledgedPayload, index: number): string {
  const task = tasks[index];
  if (task === undefined || !('taskId' in task)) throw new Error(`item ${index} has no task: ${JSON.stringify(task)}`);
  return task.taskId;
}
