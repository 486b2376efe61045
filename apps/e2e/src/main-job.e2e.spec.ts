/** The main job: a node in the editor becomes a finished take, better than bicubic, in every tier. */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { TASK_ID } from '@function-runner/task-contract';
import type { TaskSuccessPayload } from '@function-runner/progress-protocol';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { plate } from './pictures/plate.js';
import { pixelsOf, psnr } from './pictures/psnr.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

/** The thick model takes its time on a busy machine. */
const PICTURE_MS = 120_000;

let stack: RunnerStack;
let editor: Editor;

beforeAll(async () => {
  stack = await RunnerStack.start();
});
beforeEach(async () => {
  editor = await stack.editor();
});
afterEach(() => checkInvariants(stack));
afterAll(() => stack.stop());

/** Puts a picture into a project and runs it through the upscaler. */
async function upscale(project: TestProject, picture: Buffer, name: string, parameters: object = {}): Promise<TaskSuccessPayload> {
  await writeFile(await stack.place(project, `plates/${name}`), picture);
  const { taskId } = await editor.start({ projectId: project.id, nodeId: 'upscale-1', nodeType: 'image_upscale', parameters: { input: `plates/${name}`, ...parameters } });
  return editor.success(taskId, PICTURE_MS);
}

/** The one picture of a take, on this machine. */
function pictureOf({ result }: TaskSuccessPayload): string {
  const [output] = result.outputs;
  if (output === undefined || result.outputs.length !== 1) throw new Error(`one output was expected: ${JSON.stringify(result.outputs)}`);
  return join(stack.onDisk(result.outputPath), output.path);
}

describe.each([
  // Sides of the photo's part, before it is made smaller: whole where the model is fast, a close-up where it is not.
  { quality: 'low', scale: 2, width: 320, height: 220, model: 'esrgan-slim-x2' },
  { quality: 'standard', scale: 2, width: 320, height: 220, model: 'esrgan-medium-x2' },
  { quality: 'high', scale: 4, width: 320, height: 224, model: 'esrgan-medium-x4' },
  { quality: 'premium', scale: 4, width: 320, height: 224, model: 'esrgan-thick-x4' },
])('a project of quality $quality', ({ quality, scale, width, height, model }) => {
  it(`gets its picture back ${scale} times as large, closer to the original than bicubic`, async () => {
    const project = await stack.project(quality);
    const { small, original, bicubic } = await plate(width, height, scale);
    const { result } = await upscale(project, small, 'chelsea.png');

    const pixels = await pixelsOf(join(stack.onDisk(result.outputPath), result.outputs[0]?.path ?? ''));
    expect([pixels.width, pixels.height]).toEqual([width, height]);
    const [ours, theirs] = [psnr(original, pixels, scale), psnr(original, bicubic, scale)];
    // Shown by jest beside the test: the gain is what the tier is paid for.
    process.stdout.write(`  ${quality}: ${ours.toFixed(2)} dB, bicubic ${theirs.toFixed(2)} dB, gain ${(ours - theirs).toFixed(2)} dB, ${(result.metadata.durationMs / 1000).toFixed(1)} s\n`);
    expect(ours).toBeGreaterThan(theirs);
    expect(result.metadata).toMatchObject({ pipelineId: `image-upscale:1.0-${quality}`, modelId: model, modelVersion: '1.0.0' });
  }, PICTURE_MS);
});

describe('the way of a task', () => {
  it('is told from its acknowledgement to its take: in order, with a preview, and with what the take is', async () => {
    const project = await stack.project('low');
    const { small } = await plate(320, 220, 2);
    await writeFile(await stack.place(project, 'plates/shot-010.png'), small);
    const before = editor.heard.length;
    const acknowledged = await editor.start({ projectId: project.id, nodeId: 'upscale-7', nodeType: 'image_upscale', parameters: { input: 'plates/shot-010.png' }, requestId: 'save-42' });
    expect(acknowledged).toEqual({
      taskId: expect.stringMatching(TASK_ID) as string, nodeId: 'upscale-7', status: 'queued', requestId: 'save-42', quality: 'low', pipelineId: 'image-upscale:1.0-low', queuePosition: 1,
    });
    const { taskId } = acknowledged;
    const { result, ...envelope } = await editor.success(taskId, PICTURE_MS);

    const [first] = editor.heard.slice(before);
    expect(first).toEqual({ name: 'task_acknowledged', payload: acknowledged });
    const story = editor.story(taskId);
    expect(story.map(({ payload }) => payload.seq)).toEqual(story.map((_, index) => index + 1));
    const states = story.map(({ payload }) => payload.status).filter((status, index, all) => status !== all[index - 1]);
    expect(states).toEqual(['queued', 'preparing', 'running', 'completed']);
    const progress = story.map(({ payload }) => payload.progress);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.filter((value) => value > 0 && value < 100).length).toBeGreaterThan(2);
    expect(story.map(({ name }) => name).slice(0, -1).every((name) => name === 'task_progress')).toBe(true);
    expect(story[0]?.payload).toMatchObject({ attempt: 0, progress: 0, step: 'queued', queuePosition: 1 });
    expect(envelope).toEqual({ taskId, nodeId: 'upscale-7', projectId: project.id, seq: story.length, attempt: 1, progress: 100, step: 'completed', status: 'completed', timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string });

    const [preview] = editor.previews(taskId);
    expect(preview).toMatchObject({ taskId, nodeId: 'upscale-7', projectId: project.id, attempt: 1, status: 'running', mediaType: expect.stringMatching(/^image\/(png|jpeg|webp)$/) as string });
    // socket.io-client hands binary over as a Buffer in Node.
    const seen = await sharp(Buffer.from(preview?.data ?? [])).metadata();
    expect(seen.format).toBe(preview?.mediaType.slice('image/'.length));

    expect(result.outputPath).toBe(`/workspace/${project.name}/outputs/renders/upscale-7/${taskId}`);
    const [output] = result.outputs;
    const file = await readFile(join(stack.onDisk(result.outputPath), output?.path ?? ''));
    expect(result.outputs).toEqual([{ path: 'shot-010-x2.png', mediaType: 'image/png', bytes: file.length, sha256: createHash('sha256').update(file).digest('hex') }]);
    expect(result.metadata).toMatchObject({ pipelineId: 'image-upscale:1.0-low', modelId: 'esrgan-slim-x2', modelVersion: '1.0.0', attempt: 1 });
    expect(result.metadata.durationMs).toBeGreaterThan(0);
    expect(result.metadata.queuedMs).toBeGreaterThanOrEqual(0);
    expect(result.metadata.queuedMs).toBeLessThan(10_000);
    expect(result.metadata.peakMemoryBytes).toBeGreaterThan(20 * 1024 ** 2);
  }, PICTURE_MS);

  it('makes the same picture of the same input, as two takes side by side', async () => {
    const project = await stack.project('low');
    const { small } = await plate(128, 96, 2);
    const first = await upscale(project, small, 'twice.png');
    const second = await upscale(project, small, 'twice.png');
    expect(second.result.outputs).toEqual(first.result.outputs);
    expect(second.result.outputPath).not.toBe(first.result.outputPath);
    expect(await readFile(pictureOf(second))).toEqual(await readFile(pictureOf(first)));
  }, PICTURE_MS);
});

describe('a picture', () => {
  it('keeps its transparency', async () => {
    const { small } = await plate(96, 64, 2);
    const hole = await sharp({ create: { width: 48, height: 32, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 1 } } })
      .composite([{ input: { create: { width: 24, height: 32, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 1 } } }, left: 24, top: 0, blend: 'dest-out' }]).png().toBuffer();
    const glass = await sharp(small).ensureAlpha().composite([{ input: hole, blend: 'dest-in' }]).png().toBuffer();
    const success = await upscale(await stack.project('low'), glass, 'glass.png');
    const { data, info } = await sharp(pictureOf(success)).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, info.channels]).toEqual([96, 64, 4]);
    const alphaAt = (x: number): number | undefined => data[(32 * info.width + x) * 4 + 3];
    expect([alphaAt(10), alphaAt(85)]).toEqual([255, 0]);
  }, PICTURE_MS);

  it.each([
    { from: 'jpeg', wanted: undefined, written: 'png', path: 'frame-x2.png' },
    { from: 'webp', wanted: 'webp', written: 'webp', path: 'frame-x2.webp' },
    { from: 'png', wanted: 'jpeg', written: 'jpeg', path: 'frame-x2.jpg' },
  ] as const)('may be $from and comes back as $written', async ({ from, wanted, written, path }) => {
    const { small } = await plate(96, 64, 2);
    const picture = await sharp(small).toFormat(from).toBuffer();
    const success = await upscale(await stack.project('low'), picture, `frame.${from}`, wanted === undefined ? {} : { format: wanted });
    expect(success.result.outputs).toMatchObject([{ path, mediaType: `image/${written}` }]);
    const { format, width, height } = await sharp(pictureOf(success)).metadata();
    expect([format, width, height]).toEqual([written, 96, 64]);
  }, PICTURE_MS);

  it('comes back at the scale that the node asks for', async () => {
    const { small } = await plate(96, 64, 2);
    const success = await upscale(await stack.project('low'), small, 'frame.png', { scale: 1.5 });
    const { width, height } = await sharp(pictureOf(success)).metadata();
    expect([width, height]).toEqual([72, 48]);
  }, PICTURE_MS);
});
