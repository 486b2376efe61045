import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ServingSite } from './serving-site.fixture.js';

const call = promisify(execFile);
const SHARED = 'shared:1.0';
const WRITE = `fs.writeFileSync(task.outputDir + '/a', 'made');`;

let site: ServingSite;

beforeAll(async () => {
  site = await ServingSite.open();
  await site.install({ id: SHARED, shareable: true });
  await mkdir(join(site.workspace, 'Other', 'plates'), { recursive: true });
  await writeFile(join(site.workspace, 'Other', 'plates', 'b.txt'), 'another plate');
});
beforeEach(() => site.openWorker());
afterEach(async () => {
  expect(await site.closeWorker()).toEqual({ containers: [], leased: {}, leases: [], warm: 0, folders: [] });
});
afterAll(() => site.close());

/** What a task of a project saw: what its script has put into `seen`, JSON. */
async function look(script: string, project: string, pipelineId = SHARED): Promise<Record<string, unknown>> {
  const last = await site.run(`const seen = {}; ${script} fs.writeFileSync(task.outputDir + '/seen', JSON.stringify(seen));`, { pipelineId, project, nodeId: 'looker', parameters: { input: project === 'Film' ? 'plates/a.txt' : 'plates/b.txt' } });
  expect(last).toMatchObject({ status: 'completed' });
  return JSON.parse(await readFile(join(site.workspace, project, 'outputs/renders/looker', last.task_id, 'seen'), 'utf8')) as Record<string, unknown>;
}

/** The code of what becomes of a write. */
const tryTo = (what: string): string => `(() => { try { ${what}; return 'done'; } catch (error) { return error.code; } })()`;

describe('a container of a shareable pipeline', () => {
  it('serves the task of one project after that of another, and shows it nothing of the first but the project itself', async () => {
    const first = await look(`
      for (const place of ['/tmp', task.outputDir]) fs.writeFileSync(place + '/secret', 'of the first');
      fs.writeFileSync('/output/beside', 'of the first');
      seen.input = fs.readFileSync(task.parameters.input, 'utf8');`, 'Film');
    const id = await site.theContainer();
    expect(first['input']).toBe('plate');
    const second = await look(`
      seen.input = fs.readFileSync(task.parameters.input, 'utf8'); seen.path = task.parameters.input; seen.tmp = fs.readdirSync('/tmp'); seen.output = fs.readdirSync('/output'); seen.own = fs.readdirSync(task.outputDir);
      seen.environment = Object.entries(process.env).filter(([name]) => /TASK|PROJECT/.test(name));
      seen.writes = [${['/workspace/x', '/workspace/Film/x', '/workspace/Other/x', '/workspace/Other/plates/x', '/models/x'].map((path) => tryTo(`fs.writeFileSync('${path}', '')`)).join()}];`, 'Other');
    expect(await site.theContainer()).toBe(id);
    expect(await site.taken()).toEqual({ hits: 1, misses: 1 });
    expect(second).toMatchObject({ input: 'another plate', path: '/workspace/Other/plates/b.txt', tmp: [], output: [expect.stringMatching(/^[0-9a-f-]{36}\.1$/)], own: [], environment: [], writes: ['EROFS', 'EROFS', 'EROFS', 'EROFS', 'EROFS'] });
    // Each take lies in its own project, whose owner has it, and nothing of the container lies in either.
    for (const [project, files] of [['Film', ['secret', 'seen']], ['Other', ['seen']]] as const) {
      const [take] = await site.takes('looker', project);
      const folder = join(site.workspace, project, 'outputs/renders/looker', take ?? '');
      expect((await readdir(folder)).sort()).toEqual(files);
      expect((await stat(folder)).uid).toBe((await stat(join(site.workspace, project))).uid);
      expect(await readdir(join(site.workspace, project, 'outputs'))).toEqual(['renders']);
    }
  });

  it('can read every project, and neither the model store nor what the runner keeps for itself', async () => {
    const seen = await look(`
      seen.workspace = fs.readdirSync('/workspace').sort(); seen.film = fs.readFileSync('/workspace/Film/plates/a.txt', 'utf8');
      seen.store = fs.readdirSync('/workspace/Library/AI_Models'); seen.runner = fs.readdirSync('/workspace/.function-runner'); seen.model = fs.readdirSync('/models');
      seen.writes = [${['/workspace/.function-runner/x', '/workspace/Library/AI_Models/x'].map((path) => tryTo(`fs.writeFileSync('${path}', '')`)).join()}];`, 'Other');
    expect(seen).toEqual({ workspace: ['.function-runner', 'Film', 'Library', 'Other'], film: 'plate', store: [], runner: [], model: ['script-model'], writes: ['EROFS', 'EROFS'] });
    // They are there, for those whose they are.
    expect(await readdir(site.models)).not.toEqual([]);
    expect(await readdir(join(site.workspace, '.function-runner'))).toEqual([expect.stringMatching(/^serving-/)]);
  });

  it('is nobody’s in particular: the book, the placement and the daemon are told so', async () => {
    await site.run(WRITE, { pipelineId: SHARED });
    await site.warm(1);
    const { leases } = await site.book();
    expect(leases).toEqual([expect.objectContaining({ purpose: 'warm', facts: expect.objectContaining({ shareable: true, pinned: false }) })]);
    expect(site.worker.pool.idleContainers('w')).toEqual([expect.objectContaining({ projectId: undefined, pipelineId: SHARED, leaseId: leases[0]?.id })]);
    const [container] = await site.docker.containers();
    expect(container?.Labels['function-runner.serving']).toMatch(/^\/serving-/);
    expect((await site.worker.engine.find())[0]?.serving).toEqual({ projectName: undefined, folderName: expect.stringMatching(/^serving-/) });
    expect(await site.worker.recent.latest(SHARED)).toEqual([]);
  });

  it('keeps its tasks’ takes apart where one project’s node is another’s too', async () => {
    const both = [await site.start(WRITE, { pipelineId: SHARED, nodeId: 'same' }), await site.start(WRITE, { pipelineId: SHARED, nodeId: 'same', project: 'Other' })];
    for (const { last } of both) expect(await last()).toMatchObject({ status: 'completed' });
    const takes = [await site.takes('same', 'Film'), await site.takes('same', 'Other')];
    expect(takes).toEqual(both.map(({ task }) => [task.taskId]));
  });

  it('whose worker died leaves a folder that whoever removes it finds', async () => {
    const other = await site.newWorker();
    await site.run(WRITE, { pipelineId: SHARED });
    const [name] = await readdir(join(site.workspace, '.function-runner'));
    for (const { id, serving } of await other.engine.find()) {
      await other.engine.remove(id);
      if (serving !== undefined) await other.workspace.discardServing(serving.projectName, serving.folderName);
    }
    expect(name).toMatch(/^serving-/);
    await expect(lstat(join(site.workspace, '.function-runner'))).rejects.toMatchObject({ code: 'ENOENT' });
    await other.close();
  });
});

// Only root may mount; elsewhere there are no such projects.
const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeAsRoot('a project that is a file system of its own', () => {
  let mounted: string[];
  beforeEach(async () => {
    mounted = [];
    for (const name of ['Apart', join('Third', 'plates')]) {
      const path = join(site.workspace, name);
      await mkdir(path, { recursive: true });
      await call('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0755', 'tmpfs', path]);
      mounted.push(path);
      await mkdir(join(path, 'plates'), { recursive: true });
      await writeFile(join(path, 'plates', 'b.txt'), 'on its own');
      await writeFile(join(path, 'b.txt'), 'on its own');
      await chmod(path, 0o755);
    }
  });
  afterEach(async () => {
    for (const path of mounted) await call('umount', ['-l', path]);
  });

  it('is served by a container of its own, which sees no other project', async () => {
    expect(await look(`seen.workspace = fs.readdirSync('/workspace'); seen.input = fs.readFileSync(task.parameters.input, 'utf8');`, 'Apart')).toEqual({ workspace: ['Apart'], input: 'on its own' });
    const own = await site.theContainer();
    expect(await look(`seen.workspace = fs.readdirSync('/workspace');`, 'Apart')).toEqual({ workspace: ['Apart'] });
    expect(await site.theContainer()).toBe(own);
    // One that holds a file system is served the same way: it would be seen in part only.
    expect(await look(`seen.workspace = fs.readdirSync('/workspace'); seen.input = fs.readFileSync(task.parameters.input, 'utf8');`, 'Third')).toEqual({ workspace: ['Third'], input: 'on its own' });
  });

  it('is not seen by a container that others share: what is mounted there could be written to', async () => {
    const seen = await look(`seen.workspace = fs.readdirSync('/workspace').sort(); seen.apart = fs.readdirSync('/workspace/Apart'); seen.third = fs.readdirSync('/workspace/Third/plates');
      seen.writes = [${['/workspace/Apart/x', '/workspace/Third/plates/x'].map((path) => tryTo(`fs.writeFileSync('${path}', '')`)).join()}];`, 'Other');
    expect(seen).toMatchObject({ apart: [], third: [], writes: ['EROFS', 'EROFS'] });
    expect(seen['workspace']).toEqual(expect.arrayContaining(['Apart', 'Film', 'Other', 'Third']));
  });
});
