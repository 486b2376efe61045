import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, waitFor, type TempFolder } from '@function-runner/testing';
import type { ContainerPlan } from './container-plan.js';
import { ProcessEngine } from './process-engine.adapter.js';

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(() => folder.remove());

const engine = new ProcessEngine({ 'me/stand-in:1': [process.execPath, '-e', 'console.log(process.argv.slice(1).join())'] });

function plan(script: string | undefined, changes: Partial<ContainerPlan> = {}): ContainerPlan {
  return {
    name: 'x', image: 'me/unknown:1', command: script === undefined ? [] : [process.execPath, '-e', script], args: [], environment: { FOLDER: folder.path, TASK_ID: 't' }, labels: {}, mounts: [], user: '0:0',
    memoryBytes: 0, cpus: 1, network: 'none', devices: { ids: [], real: false }, stdin: '{"protocol":1}\n', scratch: undefined, keepsLog: true, graceSeconds: 1, ...changes,
  };
}

async function run(script: string | undefined, changes: Partial<ContainerPlan> = {}, signal = new AbortController().signal): Promise<{ exit: Awaited<ReturnType<ProcessEngine['run']>>; stdout: string; stderr: string; starts: number }> {
  let [stdout, stderr, starts] = ['', '', 0];
  const exit = await engine.run(plan(script, changes), { started: () => (starts += 1), stdout: (chunk) => (stdout += chunk.toString()), stderr: (chunk) => (stderr += chunk.toString()) }, signal);
  return { exit, stdout, stderr, starts };
}

/** Processes are waited for by what the kernel says of them: a zombie counts as gone. */
async function gone(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return status === undefined || /\) [ZX] /.test(status);
}

const GRANDCHILD = `
  const child = require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1e6)'], { stdio: 'ignore' });
  require('node:fs').writeFileSync(process.env.FOLDER + '/pid', String(child.pid));`;

describe('ProcessEngine', () => {
  it('runs a command to its end, with its task on stdin and an environment of its own', async () => {
    const { exit, stdout, stderr, starts } = await run(`
      process.stdin.on('data', (chunk) => process.stdout.write(chunk)).on('end', () => { console.error(Object.keys(process.env).sort().join()); process.exitCode = 3; });`);
    expect(exit).toEqual({ exitCode: 3, oomKilled: false });
    expect([stdout, stderr.trim(), starts]).toEqual(['{"protocol":1}\n', 'FOLDER,PATH,TASK_ID', 1]);
  });

  it('takes the command that stands in for an image', async () => {
    expect((await run(undefined, { image: 'me/stand-in:1', args: ['a', 'b'] })).stdout).toBe('a,b\n');
    expect([await engine.hasImage('me/stand-in:1'), await engine.hasImage('constructor')]).toEqual([true, false]);
  });

  it.each(['me/unknown:1', 'constructor', '__proto__'])('says that it knows no command for %s', async (image) => {
    await expect(run(undefined, { image })).rejects.toMatchObject({ code: 'IMAGE_NOT_AVAILABLE', message: expect.stringContaining('PROCESS_COMMANDS') });
  });

  it('says that a program does not start', async () => {
    await expect(run(undefined, { command: ['/nonexistent/program'] })).rejects.toMatchObject({ code: 'CONTAINER_START_FAILED', message: expect.stringContaining('/nonexistent/program') });
  });

  it('survives a program that never reads its stdin', async () => {
    expect((await run('process.exit(0)', { stdin: 'x'.repeat(1024 * 1024) })).exit.exitCode).toBe(0);
  });

  it('counts a signal as Docker does', async () => {
    expect((await run('process.kill(process.pid, "SIGKILL")')).exit.exitCode).toBe(137);
  });

  it('stops with SIGTERM', async () => {
    const controller = new AbortController();
    const running = run(`require('node:fs').writeFileSync(process.env.FOLDER + '/up', ''); process.on('SIGTERM', () => process.exit(9)); setInterval(() => {}, 1e6)`, { graceSeconds: 60 }, controller.signal);
    await waitFor('the program', () => readFile(join(folder.path, 'up')).then(() => true));
    controller.abort();
    expect((await running).exit.exitCode).toBe(9);
  });

  it('kills after the grace what ignores SIGTERM, grandchildren too', async () => {
    const controller = new AbortController();
    const running = run(`${GRANDCHILD} process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6)`, {}, controller.signal);
    const grandchild = Number(await waitFor('the grandchild', () => readFile(join(folder.path, 'pid'), 'utf8')));
    expect(await gone(grandchild)).toBe(false);
    const from = performance.now();
    controller.abort();
    expect((await running).exit.exitCode).toBe(137);
    expect(performance.now() - from).toBeGreaterThanOrEqual(990);
    await waitFor('the grandchild to be gone', () => gone(grandchild));
  });

  it('leaves no grandchild behind when the program ends by itself', async () => {
    await run(`${GRANDCHILD} child.unref(); process.exit(0)`);
    const grandchild = Number(await readFile(join(folder.path, 'pid'), 'utf8'));
    await waitFor('the grandchild to be gone', () => gone(grandchild));
  });

  it('stops at once what was aborted before it began', async () => {
    expect((await run('setInterval(() => {}, 1e6)', {}, AbortSignal.abort())).exit.exitCode).toBe(143);
  });
});
