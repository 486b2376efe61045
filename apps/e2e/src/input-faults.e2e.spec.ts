/** What comes in from outside, followed to the container and back: a client's parameters, and links put into the workspace while a run looks away. */
import { lstat, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { startProgramStack } from './puppet/program-stack.js';
import { call } from './rest/call.js';
import { REPOSITORY } from './stack/repository.js';
import type { RunnerStack, TestProject } from './stack/runner-stack.js';

const TEST_MS = 60_000;
const WITNESS = 'witness';
/** CVE-2026-33151, CVE-2026-69185 and CVE-2026-59725. */
const FIXED_IN = { 'socket.io-parser': '4.2.7', 'engine.io': '6.6.7' };

/** Waits for its gate, reads a file of its project where it is told to, and leaves all that it was told and saw as its output. */
const WITNESS_PROGRAM = `
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
let stdin = '';
process.stdin.setEncoding('utf8').on('data', (chunk) => { stdin += chunk; }).on('end', run);
async function run() {
  const { parameters: wish, outputDir } = JSON.parse(stdin);
  const folder = '/workspace/' + wish.output_path.split('/')[2] + '/';
  process.stdout.write(JSON.stringify({ type: 'progress', progress: 50, step: 'at the gate' }) + '\\n');
  while (wish.gate && !existsSync(folder + wish.gate)) await new Promise((resolve) => setTimeout(resolve, 20));
  let read;
  try { read = wish.reads && readFileSync(folder + wish.reads, 'utf8'); } catch (error) { read = error.code; }
  writeFileSync(outputDir + '/testimony.json', JSON.stringify({ stdin, argv: process.argv, env: process.env, read }));
  process.stdout.write(JSON.stringify({ type: 'output', path: 'testimony.json', mediaType: 'application/json' }) + '\\n');
}`;

interface Testimony {
  stdin: string;
  argv: string[];
  env: Record<string, string>;
  read?: string;
}

let stack: RunnerStack;
let editor: Editor;
let project: TestProject;

beforeAll(async () => {
  stack = await startProgramStack(WITNESS, WITNESS_PROGRAM);
}, TEST_MS);
beforeEach(async () => {
  editor = await stack.editor();
  project = await stack.project();
});
afterEach(async () => {
  await checkInvariants(stack);
  expect([...stack.apis, ...stack.workers].every(({ alive }) => alive)).toBe(true);
});
afterAll(() => stack.stop());

/** What the witness of a task that ended well has left. */
async function testimonyOf(taskId: string): Promise<Testimony> {
  const { result } = await editor.success(taskId);
  return JSON.parse(await readFile(join(stack.onDisk(result.outputPath), 'testimony.json'), 'utf8')) as Testimony;
}

async function startWitness(parameters: object): Promise<string> {
  const { taskId } = await editor.start({ projectId: project.id, nodeType: WITNESS, parameters });
  await editor.reached(taskId, ({ status, progress }) => status === 'running' && progress >= 50);
  return taskId;
}

/** A file outside of every project, which no container may see. */
async function placeSecret(): Promise<string> {
  const secret = join(stack.folder, 'secret.txt');
  await writeFile(secret, 'nobody’s business');
  return secret;
}

describe('a parameter', () => {
  let ordinary: Testimony;

  beforeEach(async () => {
    ordinary ??= await testimonyOf((await editor.start({ projectId: project.id, nodeType: WITNESS })).taskId);
  }, TEST_MS);

  it.each([
    { what: 'half a character', json: '"\\ud800 and \\udc00"' },
    { what: 'a NUL', json: '"a\\u0000b"' },
    { what: 'control characters and line ends', json: '"\\u001b[2J\\r\\n\\u2028\\u007f"' },
    { what: 'the largest of numbers', json: '[1e308, -1e308, 5e-324]' },
    { what: 'a zero below zero', json: '-0' },
    { what: 'a whole number that no double holds', json: '9007199254740993' },
    { what: 'numbers below one', json: '[-1, 0, -9007199254740991]' },
    { what: 'words of a shell', json: '"$(id); `id` && --privileged=true\\nLD_PRELOAD=/x"' },
    { what: 'a name that is an option', json: '{"--network": "host", "LD_PRELOAD": "/x", "PATH": "/x"}' },
  ])('with $what reaches the container as JSON has it, and neither its command nor its environment', async ({ json }) => {
    // As text, so that nothing on our side puts it into order before; read, a number is a double as everywhere in JSON.
    const heard = JSON.parse(JSON.stringify(JSON.parse(json))) as unknown;
    const answer = await call(stack.api, 'POST', '/v1/generations', `{"nodeId":"node-1","nodeType":"${WITNESS}","projectId":"${project.id}","parameters":{"odd":${json}}}`);
    const { taskId: overRest } = answer.body as { taskId: string };
    await editor.ask('resume_task', { taskId: overRest });
    const { taskId: overSocket } = await editor.start({ projectId: project.id, nodeType: WITNESS, parameters: { odd: JSON.parse(json) as unknown } });
    for (const taskId of [overRest, overSocket]) {
      const { stdin, argv, env } = await testimonyOf(taskId);
      // One line, whatever is in it: the next would be another task.
      expect(stdin.trimEnd().split('\n')).toHaveLength(1);
      expect((JSON.parse(stdin) as { parameters: { odd: unknown } }).parameters.odd).toEqual(heard);
      expect(argv).toEqual(ordinary.argv);
      expect({ ...env, HOSTNAME: 'any' }).toEqual({ ...ordinary.env, TASK_ID: taskId, HOSTNAME: 'any', OUTPUT_PATH: env['OUTPUT_PATH'] });
    }
  }, TEST_MS);

  it.each([
    { what: 'no number', json: 'NaN' },
    { what: 'a number beyond all', json: '1e999' },
    { what: 'one beyond all the other way, deep inside', json: '{"a":[{"b":-1e999}]}' },
  ])('that is $what is refused, since no container could be told it', async ({ json }) => {
    const answer = await call(stack.api, 'POST', '/v1/generations', `{"nodeId":"node-1","nodeType":"${WITNESS}","projectId":"${project.id}","parameters":{"odd":${json}}}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } });
    const { tasks } = (await call(stack.api, 'GET', `/v1/tasks?projectId=${project.id}`)).body as { tasks: unknown[] };
    expect(tasks).toEqual([]);
  }, TEST_MS);
});

describe('a symbolic link that is put there during the run', () => {
  it('in place of an input leads to nothing outside', async () => {
    const secret = await placeSecret();
    const input = await stack.place(project, 'plates/a.txt');
    await writeFile(input, 'a plate');
    const taskId = await startWitness({ reads: 'plates/a.txt', gate: 'go' });
    await rename(input, `${input}.before`);
    await symlink(secret, input);
    await stack.open(project, 'go');
    const { read } = await testimonyOf(taskId);
    expect(read).toBe('ENOENT');
  }, TEST_MS);

  it('among its outputs is not followed: the task fails, and nothing is published', async () => {
    const secret = await placeSecret();
    const taskId = await startWitness({ gate: 'go' });
    const drafts = stack.onDisk(`/workspace/${project.name}/outputs/.staging`);
    const [draft = ''] = await readdir(drafts);
    await symlink(secret, join(drafts, draft, 'stolen.txt'));
    await stack.open(project, 'go');
    expect(await editor.failure(taskId)).toMatchObject({ code: 'PROTOCOL_VIOLATION', error: expect.stringContaining('stolen.txt') as string });
    expect(await readFile(secret, 'utf8')).toBe('nobody’s business');
  }, TEST_MS);

  it('in place of the folder of its takes is not followed either', async () => {
    const elsewhere = join(stack.folder, `elsewhere-${project.id}`);
    await mkdir(elsewhere);
    const taskId = await startWitness({ gate: 'go' });
    const takes = stack.onDisk(`/workspace/${project.name}/outputs/renders/node-1`);
    await mkdir(join(takes, '..'), { recursive: true });
    await symlink(elsewhere, takes);
    await stack.open(project, 'go');
    expect(await editor.failure(taskId)).toMatchObject({ code: 'PATH_NOT_ALLOWED' });
    expect(await readdir(elsewhere)).toEqual([]);
    expect((await lstat(takes)).isSymbolicLink()).toBe(true);
  }, TEST_MS);
});

it('the parsers of the wire are none that an attachment bomb can kill', async () => {
  const { packages } = JSON.parse(await readFile(join(REPOSITORY, 'package-lock.json'), 'utf8')) as { packages: Record<string, { version: string }> };
  for (const [name, fixedIn] of Object.entries(FIXED_IN)) {
    const versions = Object.entries(packages).filter(([path]) => path.endsWith(`node_modules/${name}`)).map(([, { version }]) => version);
    expect(versions).not.toEqual([]);
    for (const version of versions) expect(version.localeCompare(fixedIn, 'en', { numeric: true })).toBeGreaterThanOrEqual(0);
  }
});
