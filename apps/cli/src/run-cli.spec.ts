import { appendFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCli } from './run-cli.js';

const model = {
  id: 'tiny-x2', name: 'Tiny', version: '1.2.0', type: 'image', license: 'MIT', source: { package: '@weights/tiny', version: '1.2.3', folder: 'models/x2' }, files: { 'model.json': 'topology.json' }, requirements: { vram: 0, disk_space: 0.1 },
};
const pipeline = {
  id: 'tiny:1.0-low', name: 'Tiny', node_types: ['tiny'], model_id: 'tiny-x2', container_image: 'a/tiny:1', execution: { command: [], args: [], environment: {} }, resources: { gpu: false, vram: 0, cpu: 1, memory: '1Gi' }, mounts: [],
};

describe('runner', () => {
  let folder: string;
  let root: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'function-runner-cli-'));
    root = join(folder, 'store');
    const weights = join(folder, 'pipelines/tiny/node_modules/@weights/tiny');
    await mkdir(join(folder, 'pipelines/tiny/store'), { recursive: true });
    await mkdir(join(folder, 'pipelines/without-store'), { recursive: true });
    await mkdir(join(weights, 'models/x2'), { recursive: true });
    await writeFile(join(folder, 'pipelines/tiny/package.json'), '{"name":"tiny"}');
    // As the real packages do: package.json is not among the exports.
    await writeFile(join(weights, 'package.json'), JSON.stringify({ name: '@weights/tiny', version: '1.2.3', exports: { '.': './index.js' } }));
    await writeFile(join(weights, 'models/x2/model.json'), '{"a":1}');
    await writeFile(join(weights, 'models/x2/shard1of1.bin'), 'weights');
    await put('models.json', [model]);
    await put('tiny.json', pipeline);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const put = (name: string, content: unknown): Promise<void> => writeFile(join(folder, 'pipelines/tiny/store', name), typeof content === 'string' ? content : JSON.stringify(content));

  async function runner(...argv: string[]): Promise<{ status: number; out: string; err: string }> {
    const [out, err]: [string[], string[]] = [[], []];
    const status = await runCli(argv, { settings: () => ({ modelsRoot: root }), pipelinesFolder: join(folder, 'pipelines'), reapProgram: join(folder, 'reap.mjs'), terminal: { out: (line) => out.push(line), err: (line) => err.push(line) } });
    return { status, out: out.join('\n'), err: err.join('\n') };
  }

  describe('models init', () => {
    test('installs models and pipelines, and says so', async () => {
      expect(await runner('models', 'init')).toEqual({ status: 0, err: '', out: `model store ${root}: created 17 folders and READMEs\nmodel tiny-x2 1.2.0: installed\npipeline tiny:1.0-low: installed` });
      expect((await readdir(join(root, 'image/models/tiny-x2/1.2.0'))).sort()).toEqual(['model.json', 'shard1of1.bin', 'topology.json']);
      const installed: unknown = JSON.parse(await readFile(join(root, 'image/models/tiny-x2/1.2.0/model.json'), 'utf8'));
      expect(installed).toMatchObject({ id: 'tiny-x2', version: '1.2.0', license: 'MIT', files: [{ name: 'topology.json' }, { name: 'shard1of1.bin' }] });
      expect(installed).not.toHaveProperty('source');
      expect(JSON.parse(await readFile(join(root, 'image/pipelines/tiny-1.0-low.json'), 'utf8'))).toEqual(pipeline);
    });

    test('changes nothing the second time, even without the weights’ package', async () => {
      await runner('models', 'init');
      await rm(join(folder, 'pipelines/tiny/node_modules'), { recursive: true });
      expect(await runner('models', 'init')).toEqual({ status: 0, err: '', out: `model store ${root}: its structure is complete\nmodel tiny-x2 1.2.0: present\npipeline tiny:1.0-low: present` });
    });

    test('goes where --root says', async () => {
      const elsewhere = join(folder, 'elsewhere');
      expect((await runner('models', 'init', '--root', elsewhere)).status).toBe(0);
      expect(await readdir(elsewhere)).toContain('image');
      expect(await readdir(folder)).not.toContain('store');
    });

    test('keeps a pipeline that an operator changed, unless --replace', async () => {
      await runner('models', 'init');
      const installed = join(root, 'image/pipelines/tiny-1.0-low.json');
      await writeFile(installed, JSON.stringify({ ...pipeline, name: 'Mine' }));
      expect((await runner('models', 'init')).out).toContain('pipeline tiny:1.0-low: kept, though it differs from');
      expect(await readFile(installed, 'utf8')).toContain('Mine');
      expect((await runner('models', 'init', '--replace')).out).toContain('pipeline tiny:1.0-low: installed');
      expect(await readFile(installed, 'utf8')).not.toContain('Mine');
    });

    test.each<[string, () => Promise<unknown>, RegExp]>([
      ['the package is not installed', () => rm(join(folder, 'pipelines/tiny/node_modules'), { recursive: true }), /^runner: the model tiny-x2 needs the package @weights\/tiny 1\.2\.3, which is not installed; run: npm ci$/],
      ['another version is installed', () => put('models.json', [{ ...model, source: { ...model.source, version: '9.0.0' } }]), /^runner: the model tiny-x2 needs @weights\/tiny 9\.0\.0, but 1\.2\.3 is installed; run: npm ci$/],
      ['a file to rename is not there', () => put('models.json', [{ ...model, files: { 'other.json': 'x.json' } }]), /names the file other\.json, which is not in .*models\/x2/],
      ['two files get one name', () => put('models.json', [{ ...model, files: { 'model.json': 'SHARD1of1.bin' } }]), /stands twice, or differs only in case/],
      ['models.json is no JSON', () => put('models.json', '['), /models\.json is no JSON/],
      ['models.json is no array', () => put('models.json', {}), /models\.json must be a JSON array/],
      ['a model is wrong', () => put('models.json', [model, { ...model, version: 'new' }]), /models\.json is wrong:\n\[1\]\.version: must be a semantic version/],
      ['a new name is none', () => put('models.json', [{ ...model, files: { 'model.json': 7 } }]), /\[0\]\.files\.model\.json: must be a file name/],
      ['a source leads elsewhere', () => put('models.json', [{ ...model, source: { ...model.source, folder: 'models/../../x' } }]), /\[0\]\.source\.folder: must be a folder inside the package/],
      ['a pipeline is wrong', () => put('tiny.json', { ...pipeline, resources: {} }), /tiny\.json is not a valid pipeline\.json:\nresources\.gpu/],
      ['a pipeline runs a model that nobody knows', () => put('tiny.json', { ...pipeline, model_id: 'other' }), /tiny\.json runs the model other, which is neither in .*models\.json nor in the store/],
    ])('fails with a sentence where %s', async (_what, damage, sentence) => {
      await damage();
      const { status, err } = await runner('models', 'init');
      expect(status).toBe(1);
      expect(err).toMatch(sentence);
      expect(err).not.toMatch(/\n\s+at /);
    });
  });

  test('models list names what is there', async () => {
    expect((await runner('models', 'list')).out).toContain('npx runner models init');
    await runner('models', 'init');
    expect(await runner('models', 'list')).toEqual({ status: 0, err: '', out: 'tiny-x2  1.2.0  in use  image  MIT  14 B' });
  });

  describe('models verify', () => {
    const file = (): string => join(root, 'image/models/tiny-x2/1.2.0/shard1of1.bin');

    test('is content with a sound store', async () => {
      await runner('models', 'init');
      expect(await runner('models', 'verify')).toEqual({ status: 0, err: '', out: 'tiny-x2 1.2.0: 2 files verified' });
    });

    test('names each fault and fails', async () => {
      await runner('models', 'init');
      await appendFile(file(), '!');
      await rm(join(root, 'image/models/tiny-x2/1.2.0/topology.json'));
      const { status, err } = await runner('models', 'verify');
      expect(status).toBe(1);
      expect(err.split('\n')).toEqual([expect.stringMatching(/topology\.json is missing; remove /), expect.stringMatching(/has 8 bytes, its manifest says 7; remove /)]);
    });

    test('--quick compares sizes only', async () => {
      await runner('models', 'init');
      await writeFile(file(), 'WEIGHTS');
      expect((await runner('models', 'verify', '--quick')).status).toBe(0);
      expect((await runner('models', 'verify')).status).toBe(1);
    });

    test('names a manifest that is damaged', async () => {
      await runner('models', 'init');
      await writeFile(join(root, 'image/models/tiny-x2/1.2.0/model.json'), '{');
      expect(await runner('models', 'verify')).toMatchObject({ status: 1, err: expect.stringContaining('is no JSON') });
    });
  });

  test('pipelines list names id, image, model, whether it is there, and faults', async () => {
    await runner('models', 'init');
    await writeFile(join(root, 'image/pipelines/other.json'), JSON.stringify({ ...pipeline, id: 'o', model_id: 'not-there' }));
    expect(await runner('pipelines', 'list')).toEqual({ status: 0, err: '', out: 'o             a/tiny:1  not-there  model not installed\ntiny:1.0-low  a/tiny:1  tiny-x2    model installed' });
    await writeFile(join(root, 'image/pipelines/broken.json'), '{');
    expect(await runner('pipelines', 'list')).toMatchObject({ status: 1, err: expect.stringContaining('broken.json cannot be read as JSON') });
  });

  describe('reap', () => {
    const thing = { kind: 'container', name: '0123456789abcdef', why: 'task-ended', taskId: 'task-1', attempt: 2, workerId: 'box-1', ageMs: 41_200 };
    const folderThing = { kind: 'folder', name: 'Film/serving-1', why: 'container-gone', taskId: '', attempt: 0, workerId: '', ageMs: 90_000 };
    /** In place of the worker's program: says this where it is told these arguments, as that does. */
    const says = (things: unknown[], args: string[], status = 0): Promise<void> =>
      writeFile(join(folder, 'reap.mjs'), `if (process.argv.slice(2).join() === '${args.join()}') process.stdout.write('${JSON.stringify(things)}'); process.exitCode = ${status};`);

    test('--dry-run says what would be removed, and why', async () => {
      await says([thing, folderThing], ['--dry-run']);
      const { status, out } = await runner('reap', '--dry-run');
      expect(status).toBe(0);
      expect(out.split('\n')).toEqual([
        'container       task    attempt  worker  age   why',
        '0123456789ab    task-1  2        box-1   41 s  its task has ended',
        'Film/serving-1  -       -        -       90 s  its container is gone',
        'would remove 2',
      ]);
    });

    test('names what could not be removed, and fails', async () => {
      await says([thing, { ...folderThing, fault: 'EACCES' }], [], 1);
      const { status, out } = await runner('reap');
      expect(status).toBe(1);
      expect(out).toContain('NOT REMOVED: EACCES');
      expect(out).toContain('removed 1 of 2');
    });

    test('says that there is nothing', async () => {
      await says([], []);
      expect(await runner('reap')).toEqual({ status: 0, err: '', out: 'everything has an owner; there is nothing to remove' });
    });

    test('passes on why nothing can be told', async () => {
      await writeFile(join(folder, 'reap.mjs'), "process.stderr.write('nothing was removed: no Redis\\n'); process.exitCode = 1;");
      expect(await runner('reap')).toEqual({ status: 1, out: '', err: 'runner: nothing was removed: no Redis' });
    });
  });

  test.each([[['nonsense'], 1, /unknown command/], [['models', 'init', '--nonsense'], 1, /unknown option/], [['models', 'init', '--root'], 1, /argument missing/]] as const)('%j fails with one sentence', async (argv, status, sentence) => {
    const result = await runner(...argv);
    expect(result.status).toBe(status);
    expect(result.err).toMatch(sentence);
  });

  test.each([[['--help']], [['models', 'init', '--help']]])('%j helps', async (argv) => {
    expect(await runner(...argv)).toMatchObject({ status: 0, err: '', out: expect.stringContaining('Usage: runner') });
  });
});
