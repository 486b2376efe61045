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

/** `model.json` of the pipeline's model, less its files. */
export function scriptModel(): { id: string; name: string; version: string; type: 'image'; requirements: { vram: number; disk_space: number } } {
  return { id: SCRIPT_MODEL, name: 'Nothing to speak of', version: '1.0.0', type: 'image', requirements: { vram: 0, disk_space: 0 } };
}
