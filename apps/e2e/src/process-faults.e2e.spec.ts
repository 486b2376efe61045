/** What processes run out of, and what they leave: file descriptors of a worker, children that a pipeline lets go of. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { waitFor } from '@function-runner/testing';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { startProgramStack } from './puppet/program-stack.js';
import { PUPPET } from './puppet/puppet-pipelines.js';
import type { AppProcess } from './stack/app-process.js';
import { RunnerStack } from './stack/runner-stack.js';

const run = promisify(execFile);

const TEST_MS = 120_000;
const DESERTER = 'deserter';
/** Soft limit of a worker that may open nothing more; it has more open than this. */
const NO_MORE = 16;
const MANY_TASKS = 1000;
/** Starts of a project that are under way together; an api refuses those beyond a hundred. */
const AT_ONCE = 50;
/** Connections that come and go by themselves (a look at Redis, a request to the daemon under way). */
const SPARE = 8;

/** Lets go of a child in a session of its own, and of grandchildren that nobody waits for, and ends well once its gate is open. */
const DESERTER_PROGRAM = `
const { spawn } = require('node:child_process');
let text = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => { text += chunk; }).on('end', () => {
  const { parameters: { mark, output_path }, outputDir } = JSON.parse(text);
  const stay = 'setInterval(() => undefined, 1000)';
  const leave = 'require("node:child_process").spawn(process.execPath, ["-e", ' + JSON.stringify(stay) + ', process.argv[1]], { detached: true, stdio: "ignore" }).unref()';
  spawn(process.execPath, ['-e', stay, mark], { detached: true, stdio: 'ignore' }).unref();
  spawn(process.execPath, ['-e', leave, mark], { stdio: 'ignore' }).once('exit', () => {
    const { existsSync, writeFileSync } = require('node:fs');
    writeFileSync(outputDir + '/note.txt', 'well');
    process.stdout.write(JSON.stringify({ type: 'progress', progress: 90, step: 'deserted' }) + '\\n');
    process.stdout.write(JSON.stringify({ type: 'output', path: 'note.txt' }) + '\\n');
    setInterval(() => existsSync('/workspace/' + output_path.split('/')[2] + '/go') && process.exit(0), 20);
  });
});`;

/** The processes of this machine, those in containers too, whose command line holds a word. */
async function processesWith(word: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    // One that has ended meanwhile has none.
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(word)) found.push(pid);
  }
  return found;
}

async function openFiles({ pid }: AppProcess): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

describe('file descriptors', () => {
  let stack: RunnerStack;
  let worker: AppProcess;
  let editor: Editor;

  beforeAll(async () => {
    stack = await RunnerStack.start({ workers: 0 });
    worker = await stack.addWorker();
  }, TEST_MS);
  beforeEach(async () => {
    editor = await stack.editor();
  });
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  /** Of the process as it runs; the hard limit stays, so that it can be raised again. */
  async function limitOpenFiles(most: string): Promise<void> {
    await run('prlimit', ['--pid', String(worker.pid), `--nofile=${most}:`]);
  }

  it('exhausted (ulimit -n): no task is taken that would fail for it, the log says so, the worker lives on, and all is well once there are some', async () => {
    const [, soft = '1024'] = /^Max open files\s+(\d+)/m.exec(await readFile(`/proc/${worker.pid}/limits`, 'utf8')) ?? [];
    const project = await stack.project();
    await limitOpenFiles(String(NO_MORE));
    expect(await openFiles(worker)).toBeGreaterThan(NO_MORE);
    await waitFor('the worker to say so', () => /no task is taken/.test(worker.log) && /too many files open/.test(worker.log));
    const { taskId } = await editor.start({ projectId: project.id, nodeType: PUPPET.plain });
    expect(worker.alive).toBe(true);
    await limitOpenFiles(soft);
    expect(await editor.success(taskId)).toMatchObject({ attempt: 1 });
    await editor.success((await editor.start({ projectId: project.id, nodeType: PUPPET.plain })).taskId);
    await worker.ready();
  }, TEST_MS);
});

describe(`over ${MANY_TASKS} tasks`, () => {
  let stack: RunnerStack;

  beforeAll(async () => {
    stack = await RunnerStack.start({ environment: { CONTAINER_ENGINE: 'null', WORKER_CONCURRENCY: '16', TIER_STANDARD_MAX_CONCURRENT: '1000' } });
  }, TEST_MS);
  afterAll(() => stack.stop());

  it('no file descriptor is left open, neither by the api nor by the worker', async () => {
    const project = await stack.project();
    const editor = await stack.editor();
    const apps = [...stack.apis, ...stack.workers];
    const start = async (nodeId: string): Promise<string> => (await editor.start({ projectId: project.id, nodeId, nodeType: PUPPET.plain })).taskId;
    await editor.success(await start('first'));
    const before = await Promise.all(apps.map(openFiles));
    const tasks: string[] = [];
    while (tasks.length < MANY_TASKS) tasks.push(...(await Promise.all(Array.from({ length: AT_ONCE }, (_, place) => start(`node-${tasks.length + place}`)))));
    for (const taskId of tasks) await editor.success(taskId);
    await waitFor('what was opened to be closed', async () => (await Promise.all(apps.map(openFiles))).every((open, app) => open <= (before[app] ?? 0) + SPARE));
    await checkInvariants(stack);
  }, TEST_MS);
});

describe('a pipeline', () => {
  let stack: RunnerStack;

  beforeAll(async () => {
    stack = await startProgramStack(DESERTER, DESERTER_PROGRAM);
  }, TEST_MS);
  afterAll(() => stack.stop());

  it('that leaves grandchildren in sessions of their own (fork + setsid) ends well, and they with its container', async () => {
    const project = await stack.project();
    const editor = await stack.editor();
    const mark = `deserter-${randomUUID()}`;
    const { taskId } = await editor.start({ projectId: project.id, nodeType: DESERTER, parameters: { mark } });
    await editor.reached(taskId, ({ progress }) => progress >= 90);
    expect((await processesWith(mark)).length).toBeGreaterThanOrEqual(2);
    await stack.open(project, 'go');
    await editor.success(taskId);
    await waitFor('all of them to be gone', async () => (await processesWith(mark)).length === 0);
    await checkInvariants(stack);
  }, TEST_MS);
});
