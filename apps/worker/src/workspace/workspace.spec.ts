import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SmallDisk, tempFolder, type TempFolder } from '@function-runner/testing';
import { Workspace, type ProjectFolder } from './workspace.js';

const TASK = '018f0000-0000-7000-8000-000000000001';

let folder: TempFolder;
let root: string;
let workspace: Workspace;
let film: ProjectFolder;

beforeEach(async () => {
  folder = await tempFolder();
  root = join(folder.path, 'workspace');
  await mkdir(root);
  workspace = new Workspace({ workspaceRoot: root });
  film = await workspace.openProject('Film');
});
afterEach(() => folder.remove());

async function draft(task: string, attempt: number, files: Record<string, string>): Promise<string> {
  const staging = await workspace.stage(film, task, attempt);
  for (const [name, text] of Object.entries(files)) await writeFile(join(staging, name), text);
  return staging;
}

describe('opening a project', () => {
  it('makes its folder, and takes it as it is the next time', async () => {
    expect(film).toEqual({ name: 'Film', path: join(root, 'Film') });
    expect(await workspace.openProject('Film')).toEqual(film);
  });

  it.each(['', '.', '..', '../Film', 'a/b', '/etc', 'a\0b', '-a', 'a ', '.hidden', 'x'.repeat(65)])('refuses the name %j', async (name) => {
    await expect(workspace.openProject(name)).rejects.toMatchObject({ code: 'PATH_NOT_ALLOWED' });
  });

  it('refuses a symbolic link in place of the folder', async () => {
    await mkdir(join(folder.path, 'elsewhere'));
    await symlink(join(folder.path, 'elsewhere'), join(root, 'Linked'));
    await symlink(film.path, join(root, 'Alias'));
    await expect(workspace.openProject('Linked')).rejects.toMatchObject({ code: 'PATH_NOT_ALLOWED', message: expect.stringContaining('symbolic link') });
    await expect(workspace.openProject('Alias')).rejects.toMatchObject({ code: 'PATH_NOT_ALLOWED' });
  });

  it('finds one that is there, and makes none', async () => {
    expect(await workspace.findProject('Film')).toEqual(film);
    for (const name of ['Other', '../workspace', '', '.function-runner']) expect(await workspace.findProject(name)).toBeUndefined();
    await writeFile(join(root, 'File'), '');
    expect(await workspace.findProject('File')).toBeUndefined();
    expect((await readdir(root)).sort()).toEqual(['File', 'Film']);
  });

  it('does not make the root: a missing mount must show', async () => {
    const missing = join(folder.path, 'not-mounted');
    const unmounted = new Workspace({ workspaceRoot: missing });
    await expect(unmounted.openProject('Film')).rejects.toMatchObject({ code: 'WORKSPACE_UNAVAILABLE', message: expect.stringContaining(missing) });
    await expect(unmounted.check()).rejects.toThrow('ENOENT');
    await expect(stat(missing)).rejects.toThrow('ENOENT');
  });

  it('knows a root that is no folder', async () => {
    await writeFile(join(folder.path, 'file'), '');
    const wrong = new Workspace({ workspaceRoot: join(folder.path, 'file') });
    await expect(wrong.check()).rejects.toThrow('is no folder');
    await expect(wrong.openProject('Film')).rejects.toMatchObject({ code: 'WORKSPACE_UNAVAILABLE' });
    await expect(workspace.check()).resolves.toBeUndefined();
  });
});

describe('resolving an input', () => {
  beforeEach(async () => {
    await mkdir(join(film.path, 'plates'));
    await writeFile(join(film.path, 'plates', 'a.png'), 'a');
    await writeFile(join(root, 'secret.txt'), 'secret');
  });

  it.each([['plates/a.png', 'plates/a.png'], ['./plates//a.png', 'plates/a.png'], ['/workspace/Film/plates/a.png', 'plates/a.png']])('finds %s', async (text, relative) => {
    expect(await workspace.resolveInput(film, 'input', text)).toBe(relative);
  });

  it.each(['../secret.txt', 'plates/../../secret.txt', '/etc/passwd', '/workspace/Other/a.png', '/workspace/Film/../secret.txt', '..%2fsecret.txt', '%2e%2e/secret.txt', 'plates\\a.png', 'plates/a.png\0.txt', '', ' ', '.'])('refuses %j', async (text) => {
    await expect(workspace.resolveInput(film, 'input', text)).rejects.toMatchObject({ code: 'PATH_NOT_ALLOWED', message: expect.stringContaining('parameters.input') });
  });

  it('refuses a symbolic link that leads out, of a file and of a folder', async () => {
    await symlink(join(root, 'secret.txt'), join(film.path, 'plates', 'out.png'));
    await symlink(root, join(film.path, 'up'));
    await mkdir(join(root, 'Film2'));
    await writeFile(join(root, 'Film2', 'b.png'), 'b');
    await symlink(join(root, 'Film2', 'b.png'), join(film.path, 'sibling.png'));
    for (const text of ['plates/out.png', 'up/secret.txt', 'sibling.png']) {
      await expect(workspace.resolveInput(film, 'input', text)).rejects.toMatchObject({ code: 'PATH_NOT_ALLOWED', message: expect.stringContaining('symbolic link') });
    }
  });

  it('follows one that stays inside, and names what it leads to', async () => {
    await symlink('a.png', join(film.path, 'plates', 'latest.png'));
    expect(await workspace.resolveInput(film, 'input', 'plates/latest.png')).toBe('plates/a.png');
  });

  it('says what is not there, and what is no file', async () => {
    await symlink('nowhere', join(film.path, 'dangling'));
    for (const text of ['plates/b.png', 'plates', 'dangling', 'plates/a.png/x']) await expect(workspace.resolveInput(film, 'input', text)).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });
});

describe('a take', () => {
  it('appears whole, in its place, and leaves no draft', async () => {
    const staging = await draft(TASK, 1, { 'a.txt': 'first' });
    const { ino } = await stat(staging);
    expect(await workspace.publish(film, staging, 'node-1', TASK)).toEqual({ take: join(film.path, 'outputs/renders/node-1', TASK), earlier: false });
    // The same inode: moved by a rename, not copied.
    expect((await stat(join(film.path, 'outputs/renders/node-1', TASK))).ino).toBe(ino);
    await workspace.discard(staging);
    expect(await readdir(join(film.path, 'outputs'))).toEqual(['renders']);
    expect(await readdir(join(film.path, 'outputs/renders/node-1'))).toEqual([TASK]);
  });

  it('is never changed by a later attempt', async () => {
    await workspace.publish(film, await draft(TASK, 1, { 'a.txt': 'first' }), 'node-1', TASK);
    const second = await draft(TASK, 2, { 'a.txt': 'second', 'b.txt': 'more' });
    expect((await workspace.publish(film, second, 'node-1', TASK)).earlier).toBe(true);
    await workspace.discard(second);
    const take = join(film.path, 'outputs/renders/node-1', TASK);
    expect(await readdir(take)).toEqual(['a.txt']);
    expect(await readFile(join(take, 'a.txt'), 'utf8')).toBe('first');
    expect(await readdir(join(film.path, 'outputs'))).toEqual(['renders']);
  });

  it('is the project owner’s, readable to all, whatever the pipeline’s modes', async () => {
    const staging = await draft(TASK, 1, { 'a.txt': 'x' });
    await mkdir(join(staging, 'deep'), { mode: 0o700 });
    await writeFile(join(staging, 'deep', 'b.txt'), 'x', { mode: 0o600 });
    await workspace.publish(film, staging, 'node-1', TASK);
    const take = join(film.path, 'outputs/renders/node-1', TASK);
    const owner = await stat(film.path);
    const asRoot = process.getuid?.() === 0;
    for (const [path, mode] of [['', 0o755], ['deep', 0o755], ['deep/b.txt', 0o644]] as const) {
      const info = await stat(join(take, path));
      expect([info.uid, info.gid]).toEqual([owner.uid, owner.gid]);
      // Without root what the pipeline writes is ours anyway, and its modes are left alone.
      if (asRoot) expect(info.mode & 0o777).toBe(mode);
    }
  });

  it.each(['..', '../..', 'a/b', '', '.hidden'])('cannot be published to the node %j', async (nodeId) => {
    const staging = await draft(TASK, 1, { 'a.txt': 'x' });
    await expect(workspace.publish(film, staging, nodeId, TASK)).rejects.toMatchObject({ code: 'PATH_NOT_ALLOWED' });
    expect(await readdir(join(film.path, 'outputs'))).toEqual(['.staging']);
  });

  it.each([['outputs'], ['outputs/.staging'], ['outputs/renders'], ['outputs/renders/node-1']])('goes nowhere when %s is a symbolic link', async (link) => {
    const elsewhere = join(folder.path, 'elsewhere');
    await mkdir(elsewhere);
    await mkdir(join(film.path, link, '..'), { recursive: true });
    await symlink(elsewhere, join(film.path, link));
    const attempt = async (): Promise<void> => {
      await workspace.publish(film, await draft(TASK, 1, { 'a.txt': 'x' }), 'node-1', TASK);
    };
    await expect(attempt()).rejects.toMatchObject({ code: 'PATH_NOT_ALLOWED', message: expect.stringContaining('symbolic link') });
    expect(await readdir(elsewhere)).toEqual([]);
  });
});

describe('drafts', () => {
  it('are empty, and those of older attempts are removed', async () => {
    const first = await draft(TASK, 1, { 'a.txt': 'x' });
    const again = await draft(TASK, 1, {});
    expect(again).toBe(first);
    expect(await readdir(again)).toEqual([]);
    const third = await draft(TASK, 3, {});
    expect(await readdir(join(film.path, 'outputs/.staging'))).toEqual([`${TASK}.3`]);
    expect((await stat(third)).mode & 0o777).toBe(0o755);
  });

  it('of other tasks stay when one is discarded', async () => {
    const [one, other] = [await draft(TASK, 1, { 'a.txt': 'x' }), await draft('other', 1, {})];
    await workspace.discard(one);
    expect(await readdir(join(film.path, 'outputs/.staging'))).toEqual(['other.1']);
    await workspace.discard(other);
    await workspace.discard(other);
    expect(await readdir(join(film.path, 'outputs'))).toEqual([]);
  });
});

describe('a serving container’s folder', () => {
  let serving: string;
  beforeEach(async () => {
    serving = await workspace.stageServing(film, 'serving-1');
  });
  const isRoot = process.getuid?.() === 0;

  it('holds outputs and scratch, both the pipeline’s', async () => {
    expect(serving).toBe(join(film.path, 'outputs/.staging/serving-1'));
    expect((await readdir(serving)).sort()).toEqual(['out', 'tmp']);
    for (const name of ['out', 'tmp']) expect((await stat(join(serving, name))).uid).toBe(isRoot ? 65_534 : process.getuid?.());
    // Its own folder is not: it cannot put anything else in their place.
    expect((await stat(serving)).uid).toBe(process.getuid?.());
    await expect(workspace.stageServing(film, 'serving-1')).rejects.toMatchObject({ code: 'WORKSPACE_UNAVAILABLE' });
  });

  it('gives a task’s outputs out of the container’s reach, as the project owner’s', async () => {
    const outputs = join(serving, 'out', `${TASK}.1`);
    await workspace.stageTask(outputs);
    await mkdir(join(outputs, 'deep'), { mode: 0o700 });
    await writeFile(join(outputs, 'deep', 'a'), 'made', { mode: 0o600 });
    await symlink('/etc/hostname', join(outputs, 'link'));
    const before = await stat('/etc/hostname');
    const draft = await workspace.withdraw(film, outputs);
    expect(draft).toBe(join(film.path, 'outputs/.staging', `${TASK}.1`));
    expect(await readdir(join(serving, 'out'))).toEqual([]);
    expect(await readFile(join(draft, 'deep', 'a'), 'utf8')).toBe('made');
    if (isRoot) {
      expect([(await stat(join(draft, 'deep'))).mode & 0o777, (await stat(join(draft, 'deep', 'a'))).mode & 0o777]).toEqual([0o755, 0o644]);
      expect((await stat(join(draft, 'deep', 'a'))).uid).toBe((await stat(film.path)).uid);
    }
    // What a link leads to stays as it is.
    const after = await stat('/etc/hostname');
    expect([after.uid, after.mode]).toEqual([before.uid, before.mode]);
  });

  it.each<[string, (outputs: string) => Promise<unknown>, string]>([
    ['removed', (outputs) => rm(outputs, { recursive: true }), 'OUTPUT_MISSING'],
    ['replaced by a link', async (outputs) => [await rm(outputs, { recursive: true }), await symlink('/etc', outputs)], 'PROTOCOL_VIOLATION'],
    ['replaced by a file', async (outputs) => [await rm(outputs, { recursive: true }), await writeFile(outputs, '')], 'PROTOCOL_VIOLATION'],
  ])('whose task folder was %s gives nothing', async (_, fault, code) => {
    const outputs = join(serving, 'out', `${TASK}.1`);
    await workspace.stageTask(outputs);
    await fault(outputs);
    await expect(workspace.withdraw(film, outputs)).rejects.toMatchObject({ code });
    expect(await readdir(join(film.path, 'outputs/.staging'))).toEqual(['serving-1']);
  });

  it('is emptied between tasks, whatever is in it, and nothing beyond', async () => {
    const beyond = join(folder.path, 'beyond');
    await mkdir(beyond);
    await writeFile(join(beyond, 'kept'), '');
    await mkdir(join(serving, 'tmp', 'deep', 'er'), { recursive: true });
    await writeFile(join(serving, 'tmp', 'deep', 'er', 'a'), '');
    await symlink(beyond, join(serving, 'tmp', 'deep', 'link'));
    await symlink(beyond, join(serving, 'out', 'link'));
    await writeFile(join(serving, 'out', 'a'), '');
    await chmod(join(serving, 'tmp', 'deep', 'er'), 0o500);
    if (!isRoot) await chmod(join(serving, 'tmp', 'deep', 'er'), 0o700);
    await workspace.cleanScratch(serving);
    await workspace.cleanScratch(serving);
    expect((await readdir(serving)).sort()).toEqual(['out', 'tmp']);
    expect([await readdir(join(serving, 'out')), await readdir(join(serving, 'tmp'))]).toEqual([[], []]);
    expect(await readdir(beyond)).toEqual(['kept']);
    expect((await stat(beyond)).uid).toBe(process.getuid?.());
  });

  it('is removed by its label’s words alone where those are a project and a folder', async () => {
    await workspace.discardServing('Film', '..');
    await workspace.discardServing('..', 'Film');
    await workspace.discardServing('Film', '../../../beyond');
    await workspace.discardServing('Nobody', 'serving-1');
    expect(await readdir(join(film.path, 'outputs/.staging'))).toEqual(['serving-1']);
    await workspace.discardServing('Film', 'serving-1');
    expect(await readdir(join(film.path, 'outputs'))).toEqual([]);
  });
});

describe('a full disk', () => {
  it('is NO_SPACE, in preparing and in publishing', async () => {
    const disk = await SmallDisk.mount({ size: '1m', inodes: 8 });
    // Only root may mount; elsewhere this fault cannot be made to happen.
    if (disk === undefined) {
      expect(process.getuid?.()).not.toBe(0);
      return;
    }
    try {
      const small = new Workspace({ workspaceRoot: disk.path });
      const project = await small.openProject('Film');
      const staging = await small.stage(project, TASK, 1);
      const left: string[] = [];
      const fill = async (): Promise<never> => {
        for (;;) {
          const name = join(project.path, `filler-${left.length}`);
          await writeFile(name, '');
          left.push(name);
        }
      };
      // The fault has fired: the kernel itself says so.
      await expect(fill()).rejects.toMatchObject({ code: 'ENOSPC' });
      await expect(small.stage(project, 'other', 1)).rejects.toMatchObject({ code: 'NO_SPACE', retryable: true });
      await expect(small.publish(project, staging, 'node-1', TASK)).rejects.toMatchObject({ code: 'NO_SPACE' });
      await expect(small.openProject('Next')).rejects.toMatchObject({ code: 'NO_SPACE' });
      await small.discard(staging);
      expect(await readdir(join(project.path, 'outputs'))).toEqual([]);
    } finally {
      await disk.remove();
    }
  });

  it('tells a workspace that cannot be written from a full one', async () => {
    await mkdir(join(film.path, 'outputs'));
    await writeFile(join(film.path, 'outputs', '.staging'), 'a file in the way');
    await expect(workspace.stage(film, TASK, 1)).rejects.toMatchObject({ code: 'WORKSPACE_UNAVAILABLE' });
  });
});

it('says that a project’s folder was moved away meanwhile', async () => {
  const staging = await draft(TASK, 1, { 'a.txt': 'x' });
  await rename(film.path, join(root, 'Moved'));
  await expect(workspace.publish(film, staging, 'node-1', TASK)).rejects.toMatchObject({ code: 'WORKSPACE_UNAVAILABLE' });
});

describe('a folder for a container of any project', () => {
  it('lies in no project, and says what of the workspace is to be covered', async () => {
    const store = join(root, 'Library', 'AI Models');
    await mkdir(store, { recursive: true });
    await mkdir(join(folder.path, 'elsewhere'));
    await symlink(store, join(root, 'link-to-store'));
    const own = join(root, '.function-runner', 'serving-1');
    expect(await workspace.stageShared('serving-1', [join(root, 'link-to-store'), join(folder.path, 'elsewhere'), folder.path])).toEqual({
      folder: own, root, cover: join(own, 'empty'), covered: ['.function-runner', 'Library/AI Models'],
    });
    expect((await readdir(own)).sort()).toEqual(['empty', 'out', 'tmp']);
    await workspace.discardServing(undefined, '../Film');
    await workspace.discardServing(undefined, 'serving-1');
    expect((await readdir(root)).sort()).toEqual(['Film', 'Library', 'link-to-store']);
  });

  it('is refused where all of the workspace would have to be covered, and nothing is left', async () => {
    await expect(workspace.stageShared('serving-1', [root])).rejects.toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('MODELS_ROOT') });
    expect(await readdir(root)).toEqual(['Film']);
  });

  it('is made by many at once while others go', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `serving-${index}`);
    await Promise.all(names.map(async (name) => workspace.discard((await workspace.stageShared(name, [])).folder)));
    expect(await readdir(root)).toEqual(['Film']);
  });
});

it('drafts are made and withdrawn by many at once, though each that is the last takes their folder with it', async () => {
  const shared = await workspace.stageShared('serving-1', []);
  await Promise.all(Array.from({ length: 40 }, async (_, index) => {
    const outputs = join(shared.folder, 'out', `${TASK}-${index}.1`);
    await workspace.stageTask(outputs);
    await writeFile(join(outputs, 'a'), String(index));
    const draft = await workspace.withdraw(film, outputs);
    expect(await readFile(join(draft, 'a'), 'utf8')).toBe(String(index));
    await workspace.discard(draft);
    await workspace.discard(await workspace.stage(film, `${TASK}-${index}`, 1));
  }));
  expect(await readdir(join(film.path, 'outputs'))).toEqual([]);
});
