/** Containers that stay warm between tasks, as clients, operators and the Docker daemon see them. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installPipeline } from '@function-runner/model-store';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { SERVER_PIPELINE, serverPipeline, waitFor } from '@function-runner/testing';
import type { TaskSuccessPayload } from '@function-runner/progress-protocol';
import { checkInvariants } from './invariants/invariants.js';
import { plate } from './pictures/plate.js';
import { nodeImage, tiersFile } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import type { AppProcess } from './stack/app-process.js';
import { RunnerStack } from './stack/runner-stack.js';

const TEST_MS = 60_000;
const NODE_TYPE = 'script_server';

let stack: RunnerStack;
let worker: AppProcess;

beforeAll(async () => {
  const tiers = tiersFile();
  const config = { pipeline_id: SERVER_PIPELINE, container_image: 'me/unused:1', target_vram: 0, optimizations: [] };
  for (const tier of QUALITY_TIERS) Object.assign(tiers.tiers[tier]?.pipelines ?? {}, { [NODE_TYPE]: config });
  stack = await RunnerStack.start({ tiers, apis: 0, workers: 0, environment: { WARM_CONTAINERS: '4' } });
  // The puppets' model: this pipeline only has to name one.
  await installPipeline(stack.modelsRoot, 'image', { ...serverPipeline(await nodeImage()), model_id: 'puppet' });
  [, worker] = await Promise.all([stack.addApi(), stack.addWorker()]);
}, TEST_MS);
afterAll(() => stack.stop());

interface ListedWorker {
  workerId: string;
  state: string;
  running: number;
  warm: number;
}

const workers = async (): Promise<ListedWorker[]> => ((await call(stack.api, 'GET', '/v1/workers')).body as { workers: ListedWorker[] }).workers;

async function metric(name: string): Promise<number> {
  const text = (await call(worker, 'GET', '/metrics')).body as string;
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0);
}

it('the second task starts in the container of the first; a shutdown leaves none', async () => {
  const project = await stack.project();
  const editor = await stack.editor();
  /** Runs one task; the daemon's own event log says later which containers there were. */
  const run = async (nodeId: string): Promise<string> => {
    const script = `await say({ type: 'progress', progress: 50, step: 'half' }); fs.writeFileSync(task.outputDir + '/nth', String(state.tasks.length));`;
    const { taskId } = await editor.start({ nodeId, nodeType: NODE_TYPE, projectId: project.id, parameters: { script } });
    const { result } = await editor.success(taskId);
    return readFile(join(stack.onDisk(result.outputPath), 'nth'), 'utf8');
  };
  expect(await run('first')).toBe('1');
  const present = await stack.containers.present();
  expect(present).toEqual([expect.stringMatching(new RegExp(`^${project.name}/serving-`))]);
  expect(await metric('function_runner_serving_taken_total{outcome="hit"}')).toBe(0);

  expect(await run('second')).toBe('2');
  expect(await run('third')).toBe('3');
  expect(await stack.containers.present()).toEqual(present);
  expect((await stack.containers.events()).filter(({ action }) => action === 'create')).toHaveLength(1);
  expect(await metric('function_runner_serving_taken_total{outcome="hit"}')).toBe(2);
  expect(await metric('function_runner_serving_taken_total{outcome="miss"}')).toBe(1);
  // A worker tells of itself every second.
  await waitFor('the list to tell of the warm container', async () => {
    const [only, ...others] = await workers();
    return others.length === 0 && only?.warm === 1 && only.running === 0 && only.state === 'working';
  });

  // Another project never gets it.
  const other = await stack.project();
  const elsewhere = await editor.start({ nodeId: 'first', nodeType: NODE_TYPE, projectId: other.id, parameters: { script: `fs.writeFileSync(task.outputDir + '/seen', fs.readdirSync('/workspace').join());` } });
  const { result } = await editor.success(elsewhere.taskId);
  expect(await readFile(join(stack.onDisk(result.outputPath), 'seen'), 'utf8')).toBe(other.name);
  expect(await stack.containers.present()).toHaveLength(2);

  expect(await worker.stop()).toMatchObject({ code: 0 });
  expect(await stack.containers.present()).toEqual([]);
  expect(await workers()).toEqual([]);
  await checkInvariants(stack);
}, TEST_MS);

it('the upscaler serves too: the second picture comes from the container of the first, and is the same', async () => {
  const file = join(stack.modelsRoot, 'image', 'pipelines', 'image-upscale-1.0-low.json');
  const pipeline = JSON.parse(await readFile(file, 'utf8')) as { execution: { args: string[] } };
  await installPipeline(stack.modelsRoot, 'image', { ...pipeline, execution: { ...pipeline.execution, mode: 'server', args: [...pipeline.execution.args, '--serve'] } }, true);
  const serving = await stack.addWorker();
  const project = await stack.project('low');
  const editor = await stack.editor();
  const { small } = await plate(128, 96, 2);
  await writeFile(await stack.place(project, 'plates/a.png'), small);
  const upscale = async (): Promise<TaskSuccessPayload['result']> => {
    const { taskId } = await editor.start({ nodeId: 'upscale-1', nodeType: 'image_upscale', projectId: project.id, parameters: { input: 'plates/a.png' } });
    return (await editor.success(taskId)).result;
  };
  const first = await upscale();
  const present = await stack.containers.present();
  const second = await upscale();
  expect(await stack.containers.present()).toEqual(present);
  expect(second.outputs).toEqual(first.outputs);
  expect(second.outputPath).not.toBe(first.outputPath);
  expect(await serving.stop()).toMatchObject({ code: 0 });
  await checkInvariants(stack);
}, TEST_MS);
