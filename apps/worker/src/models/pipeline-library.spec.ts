import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { initStore, installPipeline } from '@function-runner/model-store';
import { serverPipeline, tempFolder, testJob, waitFor, type TempFolder } from '@function-runner/testing';
import { loadWorkerConfig } from '../config/worker-config.js';
import { createLogger } from '../logging/logger.js';
import { PipelineLibrary } from './pipeline-library.js';

let folder: TempFolder;
let root: string;
let library: PipelineLibrary;

const install = (id: string, memory: string): Promise<unknown> => installPipeline(root, 'image', serverPipeline('me/image:1', { id, memory }), true);
const memory = async (id: string): Promise<number | undefined> => (await library.pipeline(id))?.runnable.memoryBytes;

beforeEach(async () => {
  folder = await tempFolder();
  root = join(folder.path, 'models');
  await initStore(root);
  await install('a:1', '1Gi');
  library = new PipelineLibrary(loadWorkerConfig({ WORKSPACE_ROOT: folder.path, MODELS_ROOT: root }), createLogger('silent', 'test'));
});
afterEach(() => folder.remove());

describe('PipelineLibrary', () => {
  it('knows a pipeline by its file, and one without a file by what its tier says', async () => {
    expect(await library.pipelineFor(testJob('', { pipelineId: 'a:1' }))).toMatchObject({ id: 'a:1', mode: 'server', memoryBytes: 2 ** 30 });
    expect(await library.pipelineFor(testJob('', { pipelineId: 'b:1', image: 'tier/image:1' }))).toMatchObject({ id: 'b:1', mode: 'job', image: 'tier/image:1' });
    expect(await library.pipeline('b:1')).toBeUndefined();
  });

  it('sees a few seconds later that files have come, changed and gone, and until then gives the very same pipeline', async () => {
    await install('b:1', '1Gi');
    const first = await library.pipeline('a:1');
    expect(await library.pipeline('a:1')).toBe(first);
    await install('a:1', '2Gi');
    await install('c:1', '3Gi');
    await rm(join(root, 'image/pipelines/b-1.json'));
    await waitFor('the change', async () => (await memory('a:1')) === 2 ** 31, 20_000);
    expect(await Promise.all(['b:1', 'c:1'].map(memory))).toEqual([undefined, 3 * 2 ** 30]);
    await writeFile(join(root, 'image/pipelines/a-1.json'), '{');
    await waitFor('the fault', async () => (await library.pipelines()).faults.length === 1, 20_000);
    expect(await memory('a:1')).toBeUndefined();
  });

  it('gives the same pipeline, its schema compiled once, however often it looks at files that nobody has changed', async () => {
    const first = await library.pipeline('a:1');
    const stored = library.pipelines();
    await waitFor('another look', () => library.pipelines() !== stored, 20_000);
    expect(await library.pipeline('a:1')).toBe(first);
  });
});
