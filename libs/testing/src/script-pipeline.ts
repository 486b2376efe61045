import { NODE_IN_IMAGE } from './test-image.js';

/** The pipeline below, and the model that it wants to be in the store. */
export const SCRIPT_PIPELINE = 'script:1.0';
export const SCRIPT_MODEL = 'script-model';

/** Reads its task from stdin and does what the parameter `script` says: the body of an async function of `task`, `say`, `fs` and `wait`. */
const PROGRAM = `
let text = '';
process.stdin.on('data', (chunk) => (text += chunk)).on('end', async () => {
  const task = JSON.parse(text);
  const say = (message) => new Promise((done) => process.stdout.write(JSON.stringify(message) + '\\n', done));
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  const body = Object.getPrototypeOf(async () => {}).constructor;
  await new body('task', 'say', 'fs', 'wait', task.parameters.script)(task, say, require('node:fs'), wait);
});`;

/** A `pipeline.json` whose tasks bring their own program: what a pipeline does is then said in the test that needs it. */
export function scriptPipeline(image: string, changes: { id?: string; memory?: string; cancel_grace_seconds?: number } = {}): Record<string, unknown> {
  const { id = SCRIPT_PIPELINE, memory = '256Mi', cancel_grace_seconds = 1 } = changes;
  return {
    id, name: 'Runs the script in its parameters', model_id: SCRIPT_MODEL, container_image: image,
    execution: { command: [NODE_IN_IMAGE, '-e', PROGRAM], args: [], environment: {}, cancel_grace_seconds },
    resources: { gpu: false, vram: 0, cpu: 1, memory },
    parameters: { type: 'object', properties: { script: { type: 'string' }, input: { type: 'string', format: 'project-path' } }, required: ['script'] },
    mounts: [],
  };
}

/** The pipeline below: the same, but one container takes one task after the other. */
export const SERVER_PIPELINE = 'script-server:1.0';

/**
 * As above, in server mode. A task's script also gets `signal`, which its cancel aborts, and `state`, an object that
 * lasts as long as the container; what it throws is the task's error. `opening` runs before the program is ready.
 */
const SERVER_PROGRAM = `
const fs = require('node:fs');
const say = (message) => new Promise((done) => process.stdout.write((typeof message === 'string' ? message : JSON.stringify(message)) + '\\n', done));
const wait = (ms, signal) => new Promise((done, fail) => { setTimeout(done, ms); signal?.addEventListener('abort', () => fail(new Error('aborted'))); });
const body = Object.getPrototypeOf(async () => {}).constructor;
const state = { tasks: [] };
let current;
async function serve(task) {
  const controller = new AbortController();
  current = { id: task.taskId, controller };
  state.tasks.push(task.taskId);
  try {
    await new body('task', 'say', 'fs', 'wait', 'signal', 'state', task.parameters.script)(task, say, fs, wait, controller.signal, state);
    await say({ type: 'done' });
  } catch (error) {
    await say({ type: 'error', code: controller.signal.aborted ? 'CANCELLED' : error.code ?? 'FAILED', message: error.message });
  }
}
new body('say', 'fs', 'wait', process.env.OPENING ?? '')(say, fs, wait).then(async () => {
  await say({ type: 'ready' });
  for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (message.type !== 'cancel') void serve(message);
    else if (message.taskId === current?.id) current.controller.abort();
  }
});`;

/** A `pipeline.json` in server mode whose tasks bring their own program. */
export function serverPipeline(image: string, changes: { id?: string; memory?: string; cancel_grace_seconds?: number; opening?: string } = {}): Record<string, unknown> {
  const { id = SERVER_PIPELINE, opening, ...rest } = changes;
  const { execution, ...pipeline } = scriptPipeline(image, { id, ...rest }) as { execution: Record<string, unknown> };
  return { ...pipeline, execution: { ...execution, mode: 'server', command: [NODE_IN_IMAGE, '-e', SERVER_PROGRAM], environment: opening === undefined ? {} : { OPENING: opening } } };
}

/** `model.json` of the pipeline's model, less its files. */
export function scriptModel(): { id: string; name: string; version: string; type: 'image'; requirements: { vram: number; disk_space: number } } {
  return { id: SCRIPT_MODEL, name: 'Nothing to speak of', version: '1.0.0', type: 'image', requirements: { vram: 0, disk_space: 0 } };
}
