/**
 * The projects' folders on disk: inputs are found here, takes are written here. The one file that touches them.
 *
 * Must stay true: nothing outside a project is read or written for it, symbolic links included; a take appears
 * whole, by one rename within one file system, and an existing take is never changed.
 */
import { Inject, Injectable } from '@nestjs/common';
import { constants } from 'node:fs';
import { access, chmod, lchown, lstat, mkdir, open, readdir, readFile, realpath, rename, rm, rmdir, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { parseProjectPath } from '@function-runner/pipeline-schema';
import { CLIENT_ID, PROJECT_NAME, TaskError } from '@function-runner/task-contract';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { holdsMount } from './holds-mount.js';
import { asStorageError } from './storage-error.js';

/** Where drafts of takes lie within a project: beside the renders, so that the final rename stays on one file system. */
const STAGING = ['outputs', '.staging'] as const;

/** What is mounted where; on Linux alone. */
const MOUNTS = '/proc/self/mountinfo';

/** Where the workspace keeps what is no project's: `.` begins no project's name. */
const OWN_FOLDER = '.function-runner';

/** How often work in a folder of drafts is tried: another run, whose draft was its last, may remove it at any moment before there is one of ours. */
const DRAFTS_TRIES = 20;

/** How often the removal of a draft is tried where file descriptors are short or something in it is busy; the pauses grow by 100 ms each, to 5 s in all. */
const REMOVAL_RETRIES = 10;

/** Less than this is as good as nothing: a write of a usual size has just been refused. */
const FULL_BYTES = 64 * 1024;

/** User of pipelines when the worker is root: nobody, on every Linux. */
const NOBODY = 65_534;

/** The folder of a serving container that serves any project, and what such a container must not see of the workspace. */
export interface SharedFolder {
  folder: string;
  /** The workspace itself, symbolic links resolved. */
  root: string;
  /** Folders within the workspace that are to be covered, relative to it. */
  covered: readonly string[];
  /** An empty folder to cover them with. */
  cover: string;
}

/** A project's folder. */
export interface ProjectFolder {
  name: string;
  /** Absolute, symbolic links resolved. */
  path: string;
}

@Injectable()
export class Workspace {
  constructor(@Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workspaceRoot'>) {}

  /** `uid:gid` that pipelines run as: nobody where we are root, else ourselves, so that we can move what they write. */
  get pipelineUser(): string {
    return this.isRoot ? `${NOBODY}:${NOBODY}` : `${process.getuid?.() ?? NOBODY}:${process.getgid?.() ?? NOBODY}`;
  }

  /** @throws when the workspace is not there or cannot be written. */
  async check(): Promise<void> {
    if (!(await stat(this.config.workspaceRoot)).isDirectory()) throw new Error(`${this.config.workspaceRoot} is no folder`);
    await access(this.config.workspaceRoot, constants.R_OK | constants.W_OK | constants.X_OK);
  }

  /** The project's folder, made when it is not there yet. @throws TaskError WORKSPACE_UNAVAILABLE | NO_SPACE | PATH_NOT_ALLOWED */
  async openProject(name: string): Promise<ProjectFolder> {
    if (!PROJECT_NAME.test(name)) throw new TaskError('PATH_NOT_ALLOWED', `"${name}" cannot be a project’s folder`);
    try {
      // The root itself is the operator's to provide: made here, a missing mount would go unnoticed.
      const [root, found] = await Promise.all([realpath(this.config.workspaceRoot), realpath(join(this.config.workspaceRoot, name)).catch(unlessMissing)]);
      const folder = join(root, name);
      if (found === undefined) await mkdir(folder).catch(unlessThere);
      const path = found ?? (await realpath(folder));
      if (path !== folder) throw new TaskError('PATH_NOT_ALLOWED', `the folder of the project "${name}" is a symbolic link; a project must lie in the workspace itself`);
      return { name, path };
    } catch (error) {
      throw error instanceof TaskError ? error : asStorageError(error, `the workspace ${this.config.workspaceRoot} cannot be used`);
    }
  }

  /** The project's folder if it is there; it is not made. @throws TaskError WORKSPACE_UNAVAILABLE | PATH_NOT_ALLOWED */
  async findProject(name: string): Promise<ProjectFolder | undefined> {
    if (!PROJECT_NAME.test(name)) return undefined;
    const found = await stat(join(this.config.workspaceRoot, name)).catch(() => undefined);
    return found?.isDirectory() === true ? this.openProject(name) : undefined;
  }

  /**
   * Whether the project is on a file system of its own, or holds one: then no rename leads into it from elsewhere in the
   * workspace, and a container that sees the workspace does not see all of the project.
   */
  async standsApart({ path }: ProjectFolder): Promise<boolean> {
    const [root, project, mounts] = await Promise.all([stat(dirname(path)), stat(path), readFile(MOUNTS, 'utf8').catch(unlessMissing)]);
    return root.dev !== project.dev || holdsMount(mounts ?? '', path);
  }

  /**
   * A file of the project that a parameter names, relative to the project's folder, links resolved.
   * @throws TaskError PATH_NOT_ALLOWED | INPUT_NOT_FOUND
   */
  async resolveInput(project: ProjectFolder, parameter: string, text: string): Promise<string> {
    const parsed = parseProjectPath(text, project.name);
    if (!parsed.ok) throw new TaskError('PATH_NOT_ALLOWED', `parameters.${parameter} must be a path inside the project (${parsed.fault}), such as plates/shot-010.png`);
    let real: string;
    try {
      real = await realpath(join(project.path, parsed.relative));
    } catch (error) {
      throw inputNotFound(parameter, parsed.relative, error);
    }
    if (!real.startsWith(project.path + sep)) throw new TaskError('PATH_NOT_ALLOWED', `parameters.${parameter} leads out of the project through a symbolic link`);
    if (!(await stat(real)).isFile()) throw new TaskError('INPUT_NOT_FOUND', `parameters.${parameter} is no file: ${parsed.relative}`);
    return real.slice(project.path.length + 1);
  }

  /** An empty folder for the take of one attempt, writable by the pipeline; drafts of older attempts are removed. */
  async stage(project: ProjectFolder, taskId: string, attempt: number): Promise<string> {
    try {
      return await this.amongDrafts(project, async (drafts) => {
        const folder = join(drafts, `${taskId}.${attempt}`);
        for (let older = 1; older < attempt; older += 1) await rm(join(drafts, `${taskId}.${older}`), { recursive: true, force: true });
        await rm(folder, { recursive: true, force: true });
        await this.makeWritable(folder);
        return folder;
      });
    } catch (error) {
      throw error instanceof TaskError ? error : asStorageError(error, `cannot prepare a folder for the take in ${project.path}`);
    }
  }

  /** A folder for a serving container of one project: `out` for its tasks' outputs, `tmp` for its scratch, both writable by the pipeline. */
  async stageServing(project: ProjectFolder, folderName: string): Promise<string> {
    try {
      return await this.amongDrafts(project, (drafts) => this.makeServingFolder(drafts, folderName));
    } catch (error) {
      throw error instanceof TaskError ? error : asStorageError(error, `cannot prepare a folder for a container in ${project.path}`);
    }
  }

  /**
   * A folder for a serving container of any project: not in a project, since none is its own. `hidden` are folders that it
   * must not see, wherever they lie. @throws TaskError WORKSPACE_UNAVAILABLE | NO_SPACE | INTERNAL where the workspace lies in one of them
   */
  async stageShared(folderName: string, hidden: readonly string[]): Promise<SharedFolder> {
    try {
      const root = await realpath(this.config.workspaceRoot);
      const places = (await Promise.all(hidden.map((path) => realpath(path)))).map((path) => relative(root, path));
      if (places.includes('')) throw new TaskError('INTERNAL', `a container that may serve any project cannot be started: what it must not see is the workspace itself, ${root}; give the model store a folder of its own (MODELS_ROOT)`);
      const within = places.filter((path) => path !== '..' && !path.startsWith(`..${sep}`));
      const folder = await inFolder(() => this.makeFolder({ name: root, path: root }, [OWN_FOLDER]), (own) => this.makeServingFolder(own, folderName));
      const cover = join(folder, 'empty');
      await mkdir(cover, { mode: 0o755 });
      return { folder, root, cover, covered: [OWN_FOLDER, ...within] };
    } catch (error) {
      throw error instanceof TaskError ? error : asStorageError(error, `cannot prepare a folder for a container in ${this.config.workspaceRoot}`);
    }
  }

  /** One task's folder within a serving container's outputs. */
  async stageTask(folder: string): Promise<void> {
    try {
      await this.makeWritable(folder);
    } catch (error) {
      throw asStorageError(error, 'cannot prepare a folder for the take');
    }
  }

  /** Empties what a task may have left in a serving container's folders, so that the next one finds nothing of it. */
  async cleanScratch(folder: string): Promise<void> {
    const away = join(folder, 'left');
    const [out, tmp] = await Promise.all(['out', 'tmp'].map((name) => readdir(join(folder, name))));
    if (out?.length === 0 && tmp?.length === 0) return;
    await mkdir(away, { mode: 0o700, recursive: true });
    for (const [name, all] of [['out', out], ['tmp', tmp]] as const) {
      for (const [index, left] of (all ?? []).entries()) {
        // The container lives: where it can still move things about, a removal could be led elsewhere by a symbolic link.
        await rename(join(folder, name, left), join(away, `${name}.${index}`));
      }
    }
    if (this.isRoot) await this.own(away, { uid: 0, gid: 0 });
    await rm(away, { recursive: true, force: true });
  }

  /**
   * Takes one task's outputs out of the folder that its container can write to, and gives them to the project's owner.
   * @returns where they lie now
   * @throws TaskError OUTPUT_MISSING | PROTOCOL_VIOLATION where the container has removed or replaced the folder
   */
  async withdraw(project: ProjectFolder, outputs: string): Promise<string> {
    try {
      const draft = await this.amongDrafts(project, async (drafts) => {
        const path = join(drafts, basename(outputs));
        await rm(path, { recursive: true, force: true });
        await rename(outputs, path);
        return path;
      });
      if (!(await lstat(draft)).isDirectory()) {
        await rm(draft, { force: true });
        throw new TaskError('PROTOCOL_VIOLATION', 'the pipeline has put something else in the place of its output folder');
      }
      await this.hand(draft, project.path);
      return draft;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new TaskError('OUTPUT_MISSING', 'the pipeline has removed its output folder', undefined, { cause: error });
      throw error instanceof TaskError ? error : asStorageError(error, `cannot take the outputs over into ${project.path}`);
    }
  }

  /** Removes the folder of a serving container whose worker is gone; without a project, of one that served any. */
  async discardServing(projectName: string | undefined, folderName: string): Promise<void> {
    if ((projectName !== undefined && !PROJECT_NAME.test(projectName)) || !CLIENT_ID.test(folderName)) return;
    const drafts = join(await realpath(this.config.workspaceRoot), ...(projectName === undefined ? [OWN_FOLDER] : [projectName, ...STAGING]));
    const real = await realpath(drafts).catch(() => undefined);
    if (real === drafts) await this.discard(join(drafts, folderName));
  }

  /**
   * Moves a finished draft to its place in one step. Where an earlier attempt has published this task's take
   * already, that one stays and the draft is dropped: a take is never changed. A draft that was withdrawn is its owner's by now.
   * @returns the take's folder, and whether it is the one of an earlier attempt
   */
  async publish(project: ProjectFolder, staging: string, nodeId: string, taskId: string, { withdrawn = false } = {}): Promise<{ take: string; earlier: boolean }> {
    if (!CLIENT_ID.test(nodeId) || !CLIENT_ID.test(taskId)) throw new TaskError('PATH_NOT_ALLOWED', `"${nodeId}/${taskId}" cannot be the folder of a take`);
    const take = join(project.path, 'outputs', 'renders', nodeId, taskId);
    try {
      const renders = await this.makeFolder(project, ['outputs', 'renders', nodeId]);
      if (!withdrawn) await this.hand(staging, project.path);
      await rename(staging, take);
      await syncFolder(renders);
      return { take, earlier: false };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTEMPTY' || code === 'EEXIST') return { take, earlier: true };
      throw error instanceof TaskError ? error : asStorageError(error, `cannot publish the take to ${take}`);
    }
  }

  /** Whether the disk under a draft has no room left. */
  async isFull(staging: string): Promise<boolean> {
    const { bavail, bsize } = await statfs(staging);
    return bavail * bsize < FULL_BYTES;
  }

  /** Removes a draft and, when it was the last, the folder of drafts. Nothing of a failed run stays. */
  async discard(staging: string): Promise<void> {
    // A process that is out of file descriptors has some again soon; a draft that is left is found by nobody for a while.
    await rm(staging, { recursive: true, force: true, maxRetries: REMOVAL_RETRIES });
    await rmdir(dirname(staging)).catch((error: NodeJS.ErrnoException) => {
      // Other runs' drafts are in it, or another run removed it.
      if (!['ENOTEMPTY', 'ENOENT', 'EEXIST'].includes(error.code ?? '')) throw error;
    });
  }

  /** Removes every draft that the attempts of a task have left; a project that has none is left as it is. */
  async discardDrafts(projectName: string, taskId: string): Promise<void> {
    if (!PROJECT_NAME.test(projectName)) return;
    const drafts = join(await realpath(this.config.workspaceRoot), projectName, ...STAGING);
    const names = await readdir(drafts).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    // A folder behind a symbolic link was never written to, so there is nothing of ours in it.
    if (names.length === 0 || (await realpath(drafts)) !== drafts) return;
    for (const name of names) if (name.startsWith(`${taskId}.`)) await this.discard(join(drafts, name));
  }

  /** A folder of the project, made where it is missing, level by level: a symbolic link on the way is refused before anything is made behind it. */
  private async makeFolder(project: ProjectFolder, names: readonly string[]): Promise<string> {
    const whole = join(project.path, ...names);
    // It is there mostly, and then one look tells of every level.
    if ((await realpath(whole).catch(unlessMissing)) === whole) return whole;
    let path = project.path;
    for (const name of names) {
      path = join(path, name);
      await mkdir(path).catch(unlessThere);
      if ((await realpath(path)) !== path) throw new TaskError('PATH_NOT_ALLOWED', `${names.join('/')} in the project "${project.name}" is or lies behind a symbolic link; takes are written to plain folders only`);
    }
    return path;
  }

  /** Works in the project's folder of drafts. It is made where it is missing, and again where another run removes it meanwhile. */
  private amongDrafts<T>(project: ProjectFolder, work: (drafts: string) => Promise<T>): Promise<T> {
    return inFolder(() => this.makeFolder(project, STAGING), work);
  }

  private async makeServingFolder(parent: string, folderName: string): Promise<string> {
    const folder = join(parent, folderName);
    await mkdir(folder, { mode: 0o755 });
    for (const name of ['out', 'tmp']) await this.makeWritable(join(folder, name));
    return folder;
  }

  private async makeWritable(folder: string): Promise<void> {
    await mkdir(folder, { mode: 0o755 });
    // Not through a link: a serving container can write beside the folder and may have replaced it by one.
    if (this.isRoot) await lchown(folder, NOBODY, NOBODY);
  }

  private get isRoot(): boolean {
    return process.getuid?.() === 0;
  }

  /** Gives what the pipeline wrote to the project's owner, folders listable, so that artists can work with it. */
  private async hand(folder: string, projectPath: string): Promise<void> {
    if (this.isRoot) await this.own(folder, await stat(projectPath));
  }

  /** From the top down, each folder before what is in it: once it has its new owner, nobody else can replace an entry by a link. */
  private async own(path: string, owner: { uid: number; gid: number }): Promise<void> {
    const info = await lstat(path);
    await lchown(path, owner.uid, owner.gid);
    if (info.isDirectory()) {
      await chmod(path, 0o755);
      for (const name of await readdir(path)) await this.own(join(path, name), owner);
    } else if (info.isFile()) {
      await chmod(path, 0o644);
    }
  }
}

/** Works in a folder that others remove when nothing is left in it. */
async function inFolder<T>(make: () => Promise<string>, work: (folder: string) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work(await make());
    } catch (error) {
      // Whether it was the folder that was missing cannot be told: it may be there again by now.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === DRAFTS_TRIES) throw error;
    }
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function inputNotFound(parameter: string, relative: string, cause: unknown): TaskError {
  return new TaskError('INPUT_NOT_FOUND', `parameters.${parameter}: there is no file ${relative} in the project; put it into the project’s folder first`, undefined, { cause });
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
