import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_NAME } from '@function-runner/task-contract';

/** A folder that a run or a serving container works in, or has left. */
export interface StagedFolder {
  /** Undefined: of a container that serves any project. */
  projectName: string | undefined;
  folderName: string;
  /** Whose draft it is; undefined where it is a serving container's. */
  draft: { taskId: string; attempt: number } | undefined;
  /** Milliseconds since something in it was made or removed. */
  ageMs: number;
}

/** Where drafts lie in a project, and where the workspace keeps what is no project's; as Workspace has them. */
const STAGING = ['outputs', '.staging'] as const;
const OWN_FOLDER = '.function-runner';

const SERVING = /^serving-[0-9a-f-]{36}$/;
/** `<task>.<attempt>`: a draft, or what was withdrawn from a serving container. */
const DRAFT = /^([0-9a-f-]{36})\.(\d{1,9})$/;

/** Every folder of the workspace that runs and serving containers work in; what is named otherwise is nobody's business. Changes nothing. */
export async function findStagedFolders(workspaceRoot: string): Promise<StagedFolder[]> {
  const found: StagedFolder[] = [];
  for (const projectName of (await names(workspaceRoot)).filter((name) => PROJECT_NAME.test(name))) {
    found.push(...(await foldersIn(join(workspaceRoot, projectName, ...STAGING), projectName)));
  }
  return [...found, ...(await foldersIn(join(workspaceRoot, OWN_FOLDER), undefined))];
}

async function foldersIn(parent: string, projectName: string | undefined): Promise<StagedFolder[]> {
  const found: StagedFolder[] = [];
  for (const folderName of await names(parent)) {
    const [, taskId, attempt] = DRAFT.exec(folderName) ?? [];
    const draft = taskId === undefined || projectName === undefined ? undefined : { taskId, attempt: Number(attempt) };
    if (draft === undefined && !SERVING.test(folderName)) continue;
    const facts = await stat(join(parent, folderName)).catch(unlessGone);
    if (facts?.isDirectory() === true) found.push({ projectName, folderName, draft, ageMs: Date.now() - facts.mtimeMs });
  }
  return found;
}

/** What lies in a folder; nothing where there is none. */
async function names(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(unlessGone)) ?? [];
}

function unlessGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
}
