import { jsonSchemaOf } from '@function-runner/class-schema/json-schema';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { ERROR_CODES, TASK_STATES } from '@function-runner/task-contract';
import { StartGenerationDto } from '../gateway/start-generation.dto.js';
import { ProjectDto } from './project.dto.js';

type Json = Record<string, unknown>;

const TASK_ID_EXAMPLE = '01a20fb4-badd-77af-823a-fc9fb4c87356';

/**
 * The OpenAPI 3.1 document. Written out instead of collected from decorators: it costs nothing until it is asked for,
 * the request schemas come from the classes that validate, and a spec holds its paths against the routes.
 */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Function Runner', version: '1',
      description: 'Runs generative functions of a film-making node editor. Live progress comes over Socket.IO on the same port, or as server-sent events.',
    },
    paths: {
      '/v1/generations': {
        post: operation('startGeneration', 'Start a task', {
          requestBody: body('StartGeneration', { nodeId: 'node-7', nodeType: 'image_upscale', projectId: 'film-1', parameters: { input: 'plates/shot-010.png' }, requestId: 'a3f1' }),
          responses: {
            202: { ...answer('The task is queued, or the one that the same requestId started before.', 'TaskAcknowledged', ACKNOWLEDGED_EXAMPLE), headers: { Location: { description: 'The task.', schema: { type: 'string' } } } },
            ...problems(400, 403, 404, 413, 500, 503),
          },
        }),
      },
      '/v1/tasks': {
        get: operation('listTasks', 'The tasks of a project, page by page', {
          parameters: [
            query('projectId', { type: 'string' }, true), query('status', { enum: TASK_STATES }),
            query('cursor', { type: 'string', description: 'The nextCursor of the page before.' }),
            query('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100, description: 'Most tasks of a page.' }),
          ],
          responses: {
            200: answer(
              'Newest first. A page may hold fewer tasks than its limit, or none; as long as there is a nextCursor, more follow. Ended tasks are listed until their history expires.',
              undefined, { tasks: [TASK_EXAMPLE], nextCursor: CURSOR_EXAMPLE }, object({ tasks: listOf('Task'), nextCursor: TEXT }, ['nextCursor']),
            ),
            ...problems(400, 503),
          },
        }),
      },
      '/v1/tasks/{id}': {
        get: operation('readTask', 'A task', { parameters: [TASK_PARAMETER], responses: { 200: answer('The task.', 'Task', TASK_EXAMPLE), ...problems(404, 503) } }),
        delete: operation('cancelTask', 'Cancel a task', {
          parameters: [TASK_PARAMETER],
          responses: {
            200: answer('It has ended: by this, or before.', 'CancelAcknowledged', { taskId: TASK_ID_EXAMPLE, status: 'cancelled' }),
            202: answer('Its worker stops it.', 'CancelAcknowledged', { taskId: TASK_ID_EXAMPLE, status: 'cancelling' }), ...problems(404, 503),
          },
        }),
      },
      '/v1/tasks/{id}/events': {
        get: operation('followTask', 'A task’s events as they happen', {
          parameters: [TASK_PARAMETER, { name: 'Last-Event-ID', in: 'header', description: 'The last seq seen; the stream begins after it.', schema: { type: 'integer', minimum: 0 } }],
          responses: {
            200: {
              description: 'Server-sent events: `id` is the seq, `event` the name as on the socket, `data` its payload. Ends after the terminal event.',
              content: { 'text/event-stream': { schema: { type: 'string' }, example: `id: 4\nevent: task_progress\ndata: {"taskId":"${TASK_ID_EXAMPLE}","seq":4,"progress":40,"status":"running"}\n\n` } },
            },
            ...problems(400, 404, 503),
          },
        }),
      },
      '/v1/projects/{id}': {
        put: operation('putProject', 'Make a project known, or change it', {
          parameters: [PROJECT_PARAMETER], requestBody: body('Project', { name: 'Film One', quality: 'high' }),
          responses: { 200: answer('The project.', 'ProjectRecord', PROJECT_EXAMPLE), ...problems(400, 503) },
        }),
        get: operation('readProject', 'A project', { parameters: [PROJECT_PARAMETER], responses: { 200: answer('The project.', 'ProjectRecord', PROJECT_EXAMPLE), ...problems(404, 503) } }),
      },
      '/v1/pipelines': { get: operation('listPipelines', 'Which pipeline each tier runs for each node type', { responses: { 200: answer('All of them.', undefined, { pipelines: [PIPELINE_EXAMPLE] }, list('pipelines', 'Pipeline')) } }) },
      '/v1/models': { get: operation('listModels', 'The models in the store', { responses: { 200: answer('Every version.', undefined, { models: [MODEL_EXAMPLE] }, list('models', 'Model')), ...problems(500) } }) },
      '/v1/workers': {
        get: operation('listWorkers', 'The workers that live, and their hosts', {
          responses: { 200: answer('All of them; a host is listed for a day after its last worker.', undefined, { workers: [WORKER_EXAMPLE], hosts: [HOST_EXAMPLE] }, object({ workers: listOf('Worker'), hosts: listOf('Host') })), ...problems(503) },
        }),
      },
      '/health/live': { get: operation('live', 'The process answers', { responses: { 200: { description: 'It does.' } } }) },
      '/health/ready': { get: operation('ready', 'A request sent here now would be served', { responses: { 200: { description: 'It would.' }, 503: { description: 'It would not; each check says why.' } } }) },
      '/metrics': { get: operation('metrics', 'Metrics for Prometheus', { responses: { 200: { description: 'Text exposition format.' } } }) },
    },
    components: {
      schemas: {
        StartGeneration: schemaOf(StartGenerationDto), Project: schemaOf(ProjectDto),
        TaskAcknowledged: object({ taskId: TEXT, nodeId: TEXT, status: STATE, quality: TIER, pipelineId: TEXT, queuePosition: COUNT, requestId: TEXT }, ['requestId']),
        CancelAcknowledged: object({ taskId: TEXT, status: STATE }),
        Task: object({
          taskId: TEXT, nodeId: TEXT, nodeType: TEXT, projectId: TEXT, pipelineId: TEXT, quality: TIER, status: STATE, attempt: COUNT,
          progress: { type: 'number', minimum: 0, maximum: 100 }, step: TEXT, lastSeq: COUNT, submittedAt: TIME, startedAt: TIME, finishedAt: TIME,
          batchId: TEXT, requestId: TEXT, result: { type: 'object' }, error: TEXT, code: CODE,
        }, ['startedAt', 'finishedAt', 'batchId', 'requestId', 'result', 'error', 'code']),
        ProjectRecord: object({ id: TEXT, name: TEXT, quality: TEXT }),
        Pipeline: object({
          tier: TIER, nodeType: TEXT, pipelineId: TEXT, containerImage: TEXT, targetVram: { type: 'number', description: 'GiB; 0 means no GPU.' },
          optimizations: { type: 'array', items: TEXT }, timeoutSeconds: COUNT, maxConcurrent: COUNT, queue: TEXT,
          described: { type: 'boolean', description: 'Whether the model store holds its pipeline.json.' }, parameters: { type: 'object', description: 'JSON Schema of the node’s parameters.' },
        }, ['parameters']),
        Model: object({ id: TEXT, name: TEXT, version: TEXT, type: TEXT, license: TEXT, current: { type: 'boolean' }, bytes: COUNT }, ['license']),
        Worker: object({ workerId: TEXT, host: TEXT, pid: COUNT, engine: TEXT, state: TEXT, running: COUNT, warm: COUNT, concurrency: COUNT, hostId: TEXT, devices: { type: 'array', items: object(DEVICE) }, cpuMillis: COUNT, memoryBytes: COUNT, startedAt: TIME }),
        Host: object({
          hostId: TEXT, name: TEXT, alive: { type: 'boolean', description: 'Whether a worker on it takes tasks.' }, devices: { type: 'array', items: object({ ...DEVICE, leasedBytes: COUNT }) },
          cpu: { ...object({ total: COUNT, leased: COUNT }), description: 'Thousandths of a core.' }, memory: { ...object({ total: COUNT, leased: COUNT }), description: 'Bytes.' },
          warm: { ...COUNT, description: 'Containers that wait with their model loaded.' },
        }),
        Problem: object({ type: TEXT, title: TEXT, status: COUNT, detail: TEXT, code: CODE, details: { description: 'Facts for programs.' } }, ['details']),
      },
    },
  };
}

const TEXT: Json = { type: 'string' };
const COUNT: Json = { type: 'integer', minimum: 0 };
const TIME: Json = { type: 'string', format: 'date-time' };
const STATE: Json = { enum: TASK_STATES };
const TIER: Json = { enum: QUALITY_TIERS };
const DEVICE: Json = { id: TEXT, name: TEXT, totalBytes: COUNT, health: { enum: ['ok', 'lost', 'sick'] } };
const CODE: Json = { enum: Object.keys(ERROR_CODES) };

const TASK_PARAMETER: Json = { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' }, example: TASK_ID_EXAMPLE };
const PROJECT_PARAMETER: Json = { name: 'id', in: 'path', required: true, schema: TEXT, example: 'film-1' };

const ACKNOWLEDGED_EXAMPLE: Json = { taskId: TASK_ID_EXAMPLE, nodeId: 'node-7', status: 'queued', quality: 'high', pipelineId: 'image-upscale:1.0-high', queuePosition: 1, requestId: 'a3f1' };
const TASK_EXAMPLE: Json = {
  taskId: TASK_ID_EXAMPLE, nodeId: 'node-7', nodeType: 'image_upscale', projectId: 'film-1', pipelineId: 'image-upscale:1.0-high', quality: 'high',
  status: 'running', attempt: 1, progress: 40, step: 'tile 4 of 10', lastSeq: 6, submittedAt: '2026-01-02T03:04:05.006Z', startedAt: '2026-01-02T03:04:05.106Z', requestId: 'a3f1',
};
const CURSOR_EXAMPLE = 'MTc5NjA4MzIwMDEyMy4wMWEyMGZiNC1iYWRkLTc3YWYtODIzYS1mYzlmYjRjODczNTY';
const PROJECT_EXAMPLE: Json = { id: 'film-1', name: 'Film One', quality: 'high' };
const PIPELINE_EXAMPLE: Json = {
  tier: 'high', nodeType: 'image_upscale', pipelineId: 'image-upscale:1.0-high', containerImage: 'function-runner/image-upscale:1.0', targetVram: 0,
  optimizations: ['esrgan-medium', 'x4'], timeoutSeconds: 1800, maxConcurrent: 3, queue: 'quality_high', described: true,
};
const DEVICE_EXAMPLE: Json = { id: 'GPU-5a1c', name: 'NVIDIA RTX A5000', totalBytes: 25_769_803_776, health: 'ok' };
const WORKER_EXAMPLE: Json = { workerId: 'box-1-4711-0a1b2c3d', host: 'box-1', pid: 4711, engine: 'docker', state: 'working', running: 1, warm: 2, concurrency: 4, hostId: '0f6b', devices: [DEVICE_EXAMPLE], cpuMillis: 16_000, memoryBytes: 68_719_476_736, startedAt: '2026-11-24T12:00:00.000Z' };
const HOST_EXAMPLE: Json = {
  hostId: '0f6b', name: 'box-1', alive: true, devices: [{ ...DEVICE_EXAMPLE, leasedBytes: 12_884_901_888 }], cpu: { total: 16_000, leased: 1000 }, memory: { total: 68_719_476_736, leased: 536_870_912 }, warm: 2,
};
const MODEL_EXAMPLE: Json = { id: 'esrgan-slim-x2', name: 'ESRGAN slim ×2', version: '1.0.0', type: 'image', license: 'MIT', current: true, bytes: 512_000 };

function operation(operationId: string, summary: string, rest: Json): Json {
  return { operationId, summary, ...rest };
}

function body(schema: string, example: Json): Json {
  return { required: true, content: { 'application/json': { schema: reference(schema), example } } };
}

function answer(description: string, schema: string | undefined, example: Json, inline?: Json): Json {
  return { description, content: { 'application/json': { schema: schema === undefined ? inline : reference(schema), example } } };
}

function list(name: string, schema: string): Json {
  return object({ [name]: listOf(schema) });
}

function listOf(schema: string): Json {
  return { type: 'array', items: reference(schema) };
}

function query(name: string, schema: Json, required = false): Json {
  return { name, in: 'query', required, schema };
}

/** Problem details under each of the statuses, naming the codes that come with it. */
function problems(...statuses: number[]): Json {
  return Object.fromEntries(statuses.map((status) => {
    const [example] = Object.entries(ERROR_CODES).filter(([, meaning]) => meaning.status === status);
    const codes = Object.entries(ERROR_CODES).filter(([, meaning]) => meaning.status === status && meaning.at === 'door').map(([code]) => code);
    return [status, {
      description: codes.length > 0 ? codes.join(', ') : 'A fault of the runner.',
      content: { 'application/problem+json': {
        schema: reference('Problem'),
        ...(example === undefined ? {} : { example: { type: `urn:function-runner:problem:${example[0]}`, title: example[1].meaning, status, detail: 'A sentence that says what to do.', code: example[0] } }),
      } },
    }];
  }));
}

function reference(schema: string): Json {
  return { $ref: `#/components/schemas/${schema}` };
}

function object(properties: Json, optional: readonly string[] = []): Json {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) };
}

/** The schema of a request's class; unknown fields are dropped, so the document allows them. */
function schemaOf(type: new () => object): Json {
  const { $schema: _dialect, additionalProperties: _closed, ...schema } = jsonSchemaOf(type, type.name);
  return schema;
}
