import { spawn, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { FLOWER, installModel } from './testing/real-models.js';
import { temporaryFolder } from './testing/temporary-folder.js';
import { sharp } from './sharp-engine.js';

const SLIM = ['--model', 'esrgan-slim-x2', '--scale', '2', '--range', '255'];

const root = temporaryFolder();
const modelsPath = join(root, 'models');
/** The image's content, built for these tests alone: others may be reading dist meanwhile. */
const image = join(root, 'image');
let runs = 0;

interface Line {
  readonly type: string;
  readonly progress?: number;
  readonly step?: string;
  readonly path?: string;
  readonly mediaType?: string;
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
  readonly data?: string;
}

beforeAll(async () => {
  execFileSync(process.execPath, ['build/build-image-context.mjs', image], { cwd: new URL('..', import.meta.url) });
  installModel(modelsPath, 'slim', 2);
  installModel(modelsPath, 'thick', 4);
  const flower = sharp(FLOWER).removeAlpha();
  await flower.clone().toFile(join(root, 'flower.png'));
  await flower.clone().resize(450, 200, { fit: 'fill' }).toFile(join(root, 'wide.png'));
});

describe('a task that succeeds', () => {
  it('speaks protocol 1', async () => {
    const { lines, code, outputDir } = await run({ input: 'wide.png', node_id: 'n' });
    expect(code).toBe(0);
    const progress = lines.filter(({ type }) => type === 'progress');
    expect(progress.map(({ step }) => step).filter((step, index, all) => step !== all[index - 1])).toEqual([
      'loading the model', 'reading the picture', 'tile 1 of 6', 'tile 2 of 6', 'tile 3 of 6', 'tile 4 of 6', 'tile 5 of 6', 'tile 6 of 6', 'writing the picture', 'done',
    ]);
    const values = progress.map((line) => line.progress ?? -1);
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(values.at(-1)).toBe(100);
    expect(lines.filter(({ type }) => type === 'metric').map(({ name }) => name).sort()).toEqual(['inference_ms', 'load_ms', 'peak_rss_bytes', 'tiles']);
    expect(lines.filter(({ type }) => type === 'output')).toEqual([{ type: 'output', path: 'wide-x2.png', mediaType: 'image/png' }]);
    expect(lines.at(-1)).toEqual({ type: 'done' });
    expect(readdirSync(outputDir)).toEqual(['wide-x2.png']);
    expect(await sizeOf(join(outputDir, 'wide-x2.png'))).toEqual([900, 400]);

    const previews = lines.filter(({ type }) => type === 'preview');
    expect(previews.length).toBeGreaterThan(0);
    for (const { data = '' } of previews) {
      expect(data.length).toBeLessThan(100_000);
      expect(await sizeOf(Buffer.from(data, 'base64'))).toEqual([256, 114]);
    }
  });

  it('writes the same bytes each time', async () => {
    const [first, second] = [await run({ input: 'flower.png' }), await run({ input: 'flower.png' })];
    const read = (outputDir: string) => readFileSync(join(outputDir, 'flower-x2.png'));
    expect(read(first.outputDir).equals(read(second.outputDir))).toBe(true);
  });

  it('takes an absolute path, a smaller scale and another format', async () => {
    const { lines, outputDir } = await run({ input: join(root, 'flower.png'), scale: 1.3, format: 'webp' });
    expect(lines).toContainEqual({ type: 'output', path: 'flower-x1.3.webp', mediaType: 'image/webp' });
    const { width, height, format } = await sharp(join(outputDir, 'flower-x1.3.webp')).metadata();
    expect([width, height, format]).toEqual([166, 166, 'webp']);
  });
});

describe('a task that cannot succeed', () => {
  it.each([
    { name: 'no such file', parameters: { input: 'none.png' }, code: 'INPUT_NOT_FOUND' },
    { name: 'a folder', parameters: { input: 'models' }, code: 'INPUT_NOT_FOUND' },
    { name: 'no parameters', parameters: {}, code: 'VALIDATION_FAILED' },
    { name: 'too large a scale', parameters: { input: 'flower.png', scale: 3 }, code: 'VALIDATION_FAILED' },
    { name: 'no picture', parameters: { input: 'models/esrgan-slim-x2/topology.json' }, code: 'VALIDATION_FAILED' },
    { name: 'no model', parameters: { input: 'flower.png' }, args: ['--model', 'other', '--scale', '2', '--range', '255'], code: 'MODEL_NOT_FOUND' },
    { name: 'wrong arguments', parameters: { input: 'flower.png' }, args: [], code: 'INTERNAL' },
  ])('says why: $name', async ({ parameters, args, code }) => {
    const { lines, outputDir, ...result } = await run(parameters, args ? { args } : {});
    expect(lines.filter(({ type }) => type === 'error')).toEqual([{ type: 'error', code, message: expect.stringMatching(/\.$/) }]);
    expect(result.code).toBe(1);
    expect(readdirSync(outputDir)).toEqual([]);
  });

  it('says why: a picture over the limit, without decoding it', async () => {
    await sharp({ create: { width: 8000, height: 5001, channels: 3, background: '#777' }, limitInputPixels: false }).png({ compressionLevel: 1 }).toFile(join(root, 'huge.png'));
    const { lines } = await run({ input: 'huge.png' });
    expect(lines.at(-1)).toMatchObject({ type: 'error', code: 'VALIDATION_FAILED', message: expect.stringContaining('40 megapixels') });
  });

  it('says why: a format that cannot hold the result', async () => {
    await sharp({ create: { width: 8192, height: 1, channels: 3, background: '#777' } }).png().toFile(join(root, 'long.png'));
    const { lines } = await run({ input: 'long.png', format: 'webp' });
    expect(lines.at(-1)).toMatchObject({ type: 'error', code: 'VALIDATION_FAILED', message: expect.stringContaining('16383') });
  });

  it('says why: a picture cut off', async () => {
    writeFileSync(join(root, 'cut.png'), readFileSync(join(root, 'wide.png')).subarray(0, 20_000));
    const { lines } = await run({ input: 'cut.png' });
    expect(lines.at(-1)).toMatchObject({ type: 'error', code: 'VALIDATION_FAILED' });
  });

  it('says why: other than a task on stdin', async () => {
    const { lines, code } = await run({}, { stdin: 'hello\n' });
    expect([lines.at(-1)?.code, code]).toEqual(['PROTOCOL_VIOLATION', 1]);
  });

  it('says why: a full disk, and leaves nothing', async () => {
    const { lines, outputDir } = await run({ input: 'flower.png' }, { before: (folder) => symlinkSync('/dev/full', join(folder, '.flower-x2.png.part')) });
    expect(lines.at(-1)).toMatchObject({ type: 'error', code: 'NO_SPACE' });
    expect(readdirSync(outputDir)).toEqual([]);
  });

  it('says why: an output folder that is not there', async () => {
    const { lines } = await run({ input: 'flower.png' }, { outputDir: join(root, 'nowhere') });
    expect(lines.at(-1)).toMatchObject({ type: 'error', code: 'WORKSPACE_UNAVAILABLE' });
  });
});

describe('SIGTERM', () => {
  it('ends a task in the middle of a tile that takes many seconds', async () => {
    const stopped = { at: 0 };
    const { code, lines, outputDir } = await run({ input: 'flower.png' }, {
      args: ['--model', 'esrgan-thick-x4', '--scale', '4', '--range', '1'],
      onLine: (line, kill) => {
        if (stopped.at || !line.step?.startsWith('tile')) return;
        stopped.at = performance.now();
        kill();
      },
    });
    expect(stopped.at).toBeGreaterThan(0);
    expect(performance.now() - stopped.at).toBeLessThan(2000);
    expect(code).toBe(143);
    expect(lines.some(({ type }) => type === 'done' || type === 'error' || type === 'output')).toBe(false);
    expect(readdirSync(outputDir)).toEqual([]);
  });
});

interface RunOptions {
  readonly args?: readonly string[];
  readonly stdin?: string;
  readonly outputDir?: string;
  readonly before?: (outputDir: string) => void;
  readonly onLine?: (line: Line, kill: () => void) => void;
}

async function run(parameters: object, options: RunOptions = {}): Promise<{ lines: Line[]; code: number | null; outputDir: string }> {
  const outputDir = options.outputDir ?? join(root, `out-${++runs}`);
  if (!options.outputDir) mkdirSync(outputDir);
  options.before?.(outputDir);
  const task = { protocol: 1, taskId: 't', attempt: 1, nodeId: 'n', nodeType: 'image_upscale', pipelineId: 'p', parameters, config: {}, workspacePath: root, outputDir, modelsPath };
  const child = spawn(process.execPath, [join(image, 'main.mjs'), ...(options.args ?? SLIM)], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(options.stdin ?? `${JSON.stringify(task)}\n`);
  const lines: Line[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = JSON.parse(part) as Line;
      lines.push(line);
      options.onLine?.(line, () => child.kill('SIGTERM'));
    }
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expect(rest).toBe('');
  return { lines, code, outputDir };
}

async function sizeOf(file: string | Buffer): Promise<[number, number]> {
  // sharp here opens files only; a buffer goes by way of one.
  const path = typeof file === 'string' ? file : join(root, 'preview.jpg');
  if (typeof file !== 'string') writeFileSync(path, file);
  const { width, height } = await sharp(path).metadata();
  return [width, height];
}
