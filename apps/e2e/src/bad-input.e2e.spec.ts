/** What clients get wrong, by slip or on purpose: each gets a code and a sentence that helps, and no container starts. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { io } from 'socket.io-client';
import { waitFor } from '@function-runner/testing';
import type { BatchAcknowledgedPayload, TaskErrorPayload } from '@function-runner/progress-protocol';
import type { Editor } from './editor/editor.js';
import { sendFrame } from './editor/raw-frame.js';
import { checkInvariants } from './invariants/invariants.js';
import { PUPPET } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

let stack: RunnerStack;
let editor: Editor;
let project: TestProject;

beforeAll(async () => {
  stack = await RunnerStack.start();
  project = await stack.project('low');
});
beforeEach(async () => {
  editor = await stack.editor();
});
afterEach(async () => {
  await checkInvariants(stack);
  expect([...stack.apis, ...stack.workers].every(({ alive }) => alive)).toBe(true);
});
afterAll(() => stack.stop());

/** A good request but for what is wrong with it. */
function request(wrong: object): object {
  return { nodeId: 'node-1', nodeType: 'image_upscale', projectId: project.id, parameters: { input: 'plates/a.png' }, ...wrong };
}

describe('start_generation', () => {
  it.each([
    { what: 'no nodeId', wrong: { nodeId: undefined }, code: 'VALIDATION_FAILED', sentence: /^nodeId must be an id/ },
    { what: 'no nodeType', wrong: { nodeType: undefined }, code: 'VALIDATION_FAILED', sentence: /^nodeType must be a node type such as/ },
    { what: 'no projectId', wrong: { projectId: undefined }, code: 'VALIDATION_FAILED', sentence: /^projectId must be an id/ },
    { what: 'no parameters', wrong: { parameters: undefined }, code: 'VALIDATION_FAILED', sentence: /^parameters must be an object/ },
    { what: 'a number for an id', wrong: { nodeId: 7 }, code: 'VALIDATION_FAILED', sentence: /^nodeId must be an id/ },
    { what: 'a list for parameters', wrong: { parameters: [] }, code: 'VALIDATION_FAILED', sentence: /^parameters must be an object/ },
    { what: 'a null for parameters', wrong: { parameters: null }, code: 'VALIDATION_FAILED', sentence: /^parameters must be an object/ },
    { what: 'an id that is a path', wrong: { nodeId: '../../etc' }, code: 'VALIDATION_FAILED', sentence: /^nodeId must be an id/ },
    { what: 'an id with a NUL', wrong: { nodeId: 'node\0' }, code: 'VALIDATION_FAILED', sentence: /^nodeId must be an id/ },
    { what: 'an id with half a character', wrong: { nodeId: 'node\ud800' }, code: 'VALIDATION_FAILED', sentence: /^nodeId must be an id/ },
    { what: 'an id that is too long', wrong: { nodeId: 'n'.repeat(129) }, code: 'VALIDATION_FAILED', sentence: /at most 128/ },
    { what: 'a requestId with a space', wrong: { requestId: 'a b' }, code: 'VALIDATION_FAILED', sentence: /^requestId must be/ },
    { what: 'an unknown priority', wrong: { priority: 'urgent' }, code: 'VALIDATION_FAILED', sentence: /^priority must be one of.*high, normal, low/ },
    { what: 'an unknown node type', wrong: { nodeType: 'time_travel' }, code: 'UNKNOWN_NODE_TYPE', sentence: /serves the node type "time_travel"; it knows image_generation, image_upscale, / },
    { what: 'a name of JavaScript as node type', wrong: { nodeType: 'constructor' }, code: 'UNKNOWN_NODE_TYPE', sentence: /it knows image_generation/ },
    { what: 'an unknown project', wrong: { projectId: 'no-such-film' }, code: 'PROJECT_NOT_FOUND', sentence: /create it with PUT \/v1\/projects\/no-such-film/ },
    { what: 'no input', wrong: { parameters: {} }, code: 'VALIDATION_FAILED', sentence: /^parameters\.input is missing/ },
    { what: 'an input that is no text', wrong: { parameters: { input: 3 } }, code: 'VALIDATION_FAILED', sentence: /^parameters\.input must be string/ },
    { what: 'an empty input', wrong: { parameters: { input: '' } }, code: 'VALIDATION_FAILED', sentence: /^parameters\.input must NOT have fewer than 1/ },
    { what: 'a scale beyond the model’s', wrong: { parameters: { input: 'a.png', scale: 9 } }, code: 'VALIDATION_FAILED', sentence: /^parameters\.scale must be <= 2/ },
    { what: 'an unknown format', wrong: { parameters: { input: 'a.png', format: 'tiff' } }, code: 'VALIDATION_FAILED', sentence: /^parameters\.format must be one of \["png","jpeg","webp"\]/ },
    { what: 'a parameter that there is not', wrong: { nodeType: PUPPET.plain, parameters: { stepz: 3 } }, code: 'VALIDATION_FAILED', sentence: /^parameters\.stepz is not a parameter of this pipeline/ },
    { what: 'a path that goes up', wrong: { parameters: { input: '../Other Film/secret.png' } }, code: 'PATH_NOT_ALLOWED', sentence: /^parameters\.input leaves the project; name a file inside the project/ },
    { what: 'a path that goes up in its middle', wrong: { parameters: { input: 'plates/../../secret.png' } }, code: 'PATH_NOT_ALLOWED', sentence: /leaves the project/ },
    { what: 'an absolute path', wrong: { parameters: { input: '/etc/passwd' } }, code: 'PATH_NOT_ALLOWED', sentence: /^parameters\.input is absolute/ },
    { what: 'a path of another project', wrong: { parameters: { input: '/workspace/Other Film/secret.png' } }, code: 'PATH_NOT_ALLOWED', sentence: /is absolute/ },
    { what: 'an encoded slash', wrong: { parameters: { input: '..%2f..%2fetc%2fpasswd' } }, code: 'PATH_NOT_ALLOWED', sentence: /leaves the project/ },
    { what: 'encoded dots', wrong: { parameters: { input: '%2e%2E/secret.png' } }, code: 'PATH_NOT_ALLOWED', sentence: /leaves the project/ },
    { what: 'a backslash', wrong: { parameters: { input: '..\\secret.png' } }, code: 'PATH_NOT_ALLOWED', sentence: /holds a backslash/ },
    { what: 'a NUL in a path', wrong: { parameters: { input: 'plates/a.png\0.txt' } }, code: 'PATH_NOT_ALLOWED', sentence: /holds a control character/ },
  ])('with $what is refused with $code', async ({ wrong, code, sentence }) => {
    const refusal = await editor.refused(request(wrong));
    expect(refusal.code).toBe(code);
    expect(refusal.error).toMatch(sentence);
    // The same is said as an event, and over REST.
    expect(editor.named('task_error')).toEqual([refusal]);
    const answer = await call(stack.api, 'POST', '/v1/generations', request(wrong));
    expect(answer).toMatchObject({ mediaType: 'application/problem+json', body: { code, detail: refusal.error, status: answer.status } });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });

  it('names every fault at once, and the request that it is about', async () => {
    const refusal = await editor.refused({ nodeId: 'node-3', requestId: 'r-3', projectId: project.id, parameters: 1 });
    expect(refusal).toMatchObject({ nodeId: 'node-3', requestId: 'r-3', projectId: project.id, code: 'VALIDATION_FAILED', details: [{ path: 'nodeType' }, { path: 'parameters' }] });
    const unknown = await editor.refused(request({ nodeType: 'time_travel' }));
    expect((unknown.details as { knownNodeTypes: string[] }).knownNodeTypes).toContain('image_upscale');
  });

  it.each([null, 'text', 42, true, [], [[]]])('with %j instead of an object is refused', async (payload) => {
    expect(await editor.refused(payload)).toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('with nothing at all, or with too much, is answered', async () => {
    editor.socket.emit('start_generation');
    editor.socket.emit('start_generation', request({ nodeId: 9 }), 'no callback', 7);
    editor.socket.emit('no_such_request', {});
    await waitFor('both to be answered', () => editor.named('task_error').length === 2);
    expect(editor.named<TaskErrorPayload>('task_error').map(({ code }) => code)).toEqual(['VALIDATION_FAILED', 'VALIDATION_FAILED']);
    expect(editor.socket.connected).toBe(true);
  });

  it('with more than a mebibyte, or nested without end, is refused and keeps its connection', async () => {
    const large = await editor.refused(request({ parameters: { input: 'x'.repeat(1_500_000) } }));
    expect(large).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', nodeId: 'node-1' });
    expect(large.error).toMatch(/more than the limit of 1048576; put large data into a file of the project/);
    const deep = JSON.parse(`${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`) as object;
    expect(await editor.refused(request({ parameters: deep }))).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(editor.socket.connected).toBe(true);
    const overRest = await call(stack.api, 'POST', '/v1/generations', request({ parameters: { input: 'x'.repeat(1_500_000) } }));
    expect(overRest).toMatchObject({ status: 413, mediaType: 'application/problem+json', body: { code: 'PAYLOAD_TOO_LARGE' } });
  });

  it('far beyond that costs its sender the connection, and nobody else anything', async () => {
    const other = await stack.editor();
    const gone = new Promise((resolve) => editor.socket.once('disconnect', resolve));
    editor.tell('start_generation', request({ parameters: { input: 'x'.repeat(20_000_000) } }));
    await gone;
    expect(await other.refused(request({ nodeId: 7 }))).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('a file of the project', () => {
  it('that is not there fails the task with INPUT_NOT_FOUND', async () => {
    const { taskId } = await editor.start({ projectId: project.id, nodeType: 'image_upscale', parameters: { input: 'plates/lost.png' } });
    const failure = await editor.failure(taskId);
    expect(failure).toMatchObject({ code: 'INPUT_NOT_FOUND', retryable: false, logTail: [] });
    expect(failure.error).toBe('parameters.input: there is no file plates/lost.png in the project; put it into the project’s folder first');
  });

  it('that is a folder fails the task with INPUT_NOT_FOUND', async () => {
    await mkdir(await stack.place(project, 'folder.png'), { recursive: true });
    const { taskId } = await editor.start({ projectId: project.id, nodeType: 'image_upscale', parameters: { input: 'folder.png' } });
    expect(await editor.failure(taskId)).toMatchObject({ code: 'INPUT_NOT_FOUND', error: expect.stringContaining('is no file') as string });
  });

  it.each(['file', 'folder'])('that a symbolic link to a %s outside leads to fails the task with PATH_NOT_ALLOWED', async (kind) => {
    const secret = join(stack.folder, 'secret.png');
    await writeFile(secret, 'nobody’s business');
    const link = await stack.place(project, `link-to-${kind}`);
    await symlink(kind === 'file' ? secret : stack.folder, link);
    const { taskId } = await editor.start({ projectId: project.id, nodeType: 'image_upscale', parameters: { input: kind === 'file' ? 'link-to-file' : 'link-to-folder/secret.png' } });
    expect(await editor.failure(taskId)).toMatchObject({ code: 'PATH_NOT_ALLOWED', error: expect.stringContaining('leads out of the project through a symbolic link') as string });
  });
});

describe('the other requests', () => {
  it.each([
    { name: 'cancel_generation', payload: {}, sentence: /^taskId must be a task id/ },
    { name: 'cancel_generation', payload: { taskId: '../1' }, sentence: /^taskId must be a task id/ },
    { name: 'cancel_generation', payload: { batchId: 'a/b' }, sentence: /^batchId must be a batch id/ },
    { name: 'cancel_generation', payload: null, sentence: /./ },
    { name: 'resume_task', payload: { taskId: 7 }, sentence: /^taskId must be a task id/ },
    { name: 'resume_task', payload: { taskId: '01890000-0000-7000-8000-000000000000', lastSeq: -1 }, sentence: /^lastSeq must not be less than 0/ },
    { name: 'resume_task', payload: { taskId: '01890000-0000-7000-8000-000000000000', lastSeq: 1.5 }, sentence: /^lastSeq must be an integer/ },
    { name: 'subscribe_project', payload: { projectId: '*' }, sentence: /^projectId must be an id/ },
    { name: 'unsubscribe_project', payload: {}, sentence: /^projectId must be an id/ },
    { name: 'start_batch', payload: { projectId: 'p', items: [] }, sentence: /^items must contain at least 1/ },
    { name: 'start_batch', payload: { projectId: 'p', items: Array.from({ length: 501 }, () => ({})) }, sentence: /^items must contain no more than 500/ },
    { name: 'start_batch', payload: { projectId: 'p', items: 'all' }, sentence: /items must be an array/ },
  ])('$name with $payload is refused', async ({ name, payload, sentence }) => {
    const refusal = await editor.ask<TaskErrorPayload>(name, payload);
    expect(refusal.code).toBe('VALIDATION_FAILED');
    expect(refusal.error).toMatch(sentence);
    expect(editor.named('task_error')).toEqual([refusal]);
  });

  it('start_batch for an unknown project refuses each item', async () => {
    const { tasks } = await editor.ask<BatchAcknowledgedPayload>('start_batch', { projectId: 'no-such-film', items: [{ nodeId: 'a', nodeType: PUPPET.plain, parameters: {} }, 'b'] });
    expect(tasks).toMatchObject([{ nodeId: 'a', code: 'PROJECT_NOT_FOUND' }, { code: 'VALIDATION_FAILED' }]);
  });

  it.each([
    { method: 'PUT', path: '/v1/projects/film', body: { name: '../outside' }, status: 400, code: 'VALIDATION_FAILED' },
    { method: 'PUT', path: '/v1/projects/film', body: { quality: 'low' }, status: 400, code: 'VALIDATION_FAILED' },
    { method: 'PUT', path: '/v1/projects/..%2f..', body: { name: 'Film' }, status: 400, code: 'VALIDATION_FAILED' },
    { method: 'GET', path: '/v1/tasks', body: undefined, status: 400, code: 'VALIDATION_FAILED' },
    { method: 'GET', path: '/v1/tasks?projectId=film-1&status=lost', body: undefined, status: 400, code: 'VALIDATION_FAILED' },
    { method: 'GET', path: '/v1/tasks/..%2f..%2fetc', body: undefined, status: 404, code: 'TASK_NOT_FOUND' },
    { method: 'DELETE', path: '/v1/tasks/7', body: undefined, status: 404, code: 'TASK_NOT_FOUND' },
    { method: 'GET', path: '/v1/nothing', body: undefined, status: 404, code: 'VALIDATION_FAILED' },
  ])('$method $path with $body is refused with $status', async ({ method, path, body, status, code }) => {
    expect(await call(stack.api, method, path, body)).toMatchObject({ status, mediaType: 'application/problem+json', body: { status, code, detail: expect.stringMatching(/.{10}/) as string } });
  });
});

describe('a connection', () => {
  it.each([
    ['a broken packet', '42["start_generation",{bad'],
    ['a reserved name', '42["disconnect",1]'],
    ['a reserved name of a server', '42["connect_error",{}]'],
    ['no list', '42{"a":1}'],
    ['a packet type that there is not', '4999["x"]'],
    ['an attachment that never comes', '451-["start_generation",{"_placeholder":true,"num":99}]'],
    ['more attachments than anybody sends', '45999999-["start_generation",{"_placeholder":true,"num":0}]'],
    ['brackets without end', `42${'['.repeat(100_000)}`],
    ['bytes where text belongs', Buffer.from([0, 255, 1, 254])],
  ])('that sends %s harms only itself', async (_what, frame) => {
    const other = await stack.editor();
    sendFrame(editor.socket, frame);
    await other.fence();
    expect(await other.refused(request({ nodeId: 7 }))).toMatchObject({ code: 'VALIDATION_FAILED' });
    // Cut off or ignored, it may come again.
    await waitFor('the connection to be usable again', () => editor.socket.connected || !editor.socket.connect().disconnected);
    expect((await call(stack.api, 'GET', '/health/ready')).status).toBe(200);
  });

  it('from a web page of elsewhere is not let in', async () => {
    const page = io(stack.api.url, { transports: ['websocket'], forceNew: true, reconnection: false, extraHeaders: { origin: 'https://elsewhere.example' } });
    try {
      const refused = await new Promise<boolean>((resolve) => {
        page.once('connect_error', () => resolve(true));
        page.once('connect', () => resolve(false));
      });
      expect(refused).toBe(true);
    } finally {
      page.disconnect();
    }
  });
});

it('none of it has started a container, while a good request does', async () => {
  expect(await stack.containers.events()).toEqual([]);
  const { taskId } = await editor.start({ projectId: project.id, nodeType: PUPPET.plain });
  await editor.success(taskId);
  expect((await stack.containers.events()).map(({ action, taskId: id }) => [action, id])).toEqual(['create', 'start', 'die', 'destroy'].map((action) => [action, taskId]));
});
