import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DockerFixture, NODE_IN_IMAGE, SmallDisk, tempFolder, testBaseImage, waitFor, type TempFolder } from '@function-runner/testing';
import { createLogger } from '../logging/logger.js';
import { containerLabels } from './container-labels.js';
import type { ContainerExit } from './container-engine.port.js';
import type { ContainerPlan } from './container-plan.js';
import { DockerEngine } from './docker-engine.adapter.js';

const MIB = 1024 ** 2;
const logger = createLogger('silent', 'test');
const docker = new DockerFixture();
let engine: DockerEngine;
let image: string;
let folder: TempFolder;
let attempts = 0;

beforeAll(async () => {
  image = await testBaseImage();
  engine = new DockerEngine({ dockerHost: process.env['DOCKER_HOST'], pull: 'never' }, { id: () => Promise.resolve(docker.installId) }, logger);
  folder = await tempFolder();
  await mkdir(join(folder.path, 'project'));
  await mkdir(join(folder.path, 'model'));
  await writeFile(join(folder.path, 'model', 'weights.bin'), 'weights');
  await mkdir(join(folder.path, 'draft'));
  await chmod(join(folder.path, 'draft'), 0o777);
});
afterEach(async () => {
  // Whatever a test does: no container of ours outlives its run.
  expect(await docker.containers()).toEqual([]);
});
afterAll(async () => {
  await docker.stop();
  await folder.remove();
});

function plan(script: string, changes: Partial<ContainerPlan> = {}): ContainerPlan {
  attempts += 1;
  const taskId = `task-${attempts}`;
  return {
    name: `function-runner-${docker.installId}-${attempts}`, image, command: [NODE_IN_IMAGE, '-e', script], args: [], environment: { TASK_ID: taskId },
    labels: containerLabels({ installId: docker.installId, workerId: 'w', taskId, attempt: 1, pipelineId: 'p', leaseId: 'l', serving: undefined }),
    mounts: [
      { source: join(folder.path, 'project'), target: '/workspace/Film', readonly: true }, { source: join(folder.path, 'draft'), target: '/output', readonly: false },
      { source: join(folder.path, 'model'), target: '/models/m', readonly: true },
    ],
    user: '65534:65534', memoryBytes: 256 * MIB, cpus: 1, network: 'none', devices: { ids: [], real: false }, stdin: '{"protocol":1,"text":"é漢"}\n', scratch: undefined, keepsLog: true, graceSeconds: 1, ...changes,
  };
}

interface Ran {
  exit: ContainerExit;
  stdout: string;
  stderr: string;
  starts: number;
}

async function run(planned: ContainerPlan, signal = new AbortController().signal, onStdout: (text: string) => void = () => undefined): Promise<Ran> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  let starts = 0;
  const exit = await engine.run(planned, {
    started: () => (starts += 1),
    stdout: (chunk) => {
      out.push(chunk);
      onStdout(chunk.toString());
    },
    stderr: (chunk) => err.push(chunk),
  }, signal);
  return { exit, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), starts };
}

const taskOf = (planned: ContainerPlan): string => planned.environment['TASK_ID'] ?? '';

describe('a run', () => {
  it('gives the task over stdin, which then closes, and the exit code', async () => {
    const { exit, stdout, stderr, starts } = await run(plan(`
      let text = '';
      process.stdin.on('data', (chunk) => (text += chunk)).on('end', () => { process.stdout.write(text); console.error(process.env.TASK_ID); process.exitCode = 7; });`));
    expect(exit.exitCode).toBe(7);
    expect(exit.oomKilled).toBe(false);
    expect(stdout).toBe('{"protocol":1,"text":"é漢"}\n');
    expect(stderr).toBe(`task-${attempts}\n`);
    expect(starts).toBe(1);
  });

  it('loses none of the lines printed right before the exit', async () => {
    const script = `for (let i = 0; i < 300; i += 1) require('node:fs').writeSync(i % 3 === 2 ? 2 : 1, 'line ' + i + '\\n'); process.exit(0);`;
    const runs = await Promise.all(Array.from({ length: 2 }, async () => {
      const results: Ran[] = [];
      for (let round = 0; round < 4; round += 1) results.push(await run(plan(script)));
      return results;
    }));
    const numbers = Array.from({ length: 300 }, (_, index) => index);
    const expected = (stderr: boolean): string => numbers.filter((index) => (index % 3 === 2) === stderr).map((index) => `line ${index}\n`).join('');
    expect(runs.flat()).toHaveLength(8);
    for (const { stdout, stderr } of runs.flat()) expect([stdout, stderr]).toEqual([expected(false), expected(true)]);
  });

  it('survives writes of one byte, in turn to both streams', async () => {
    const { stdout, stderr } = await run(plan(`const { writeSync } = require('node:fs'); for (let i = 0; i < 30000; i += 1) { writeSync(1, 'o'); writeSync(2, 'e'); }`));
    expect([stdout.length, stderr.length]).toEqual([30_000, 30_000]);
  });

  it('takes a flood of 60 MB without keeping it', async () => {
    const script = `const chunk = Buffer.alloc(1024 * 1024, 'x'); for (let i = 0; i < 60; i += 1) require('node:fs').writeSync(1, chunk);`;
    setFlagsFromString('--expose_gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const held = (): number => {
      collectGarbage();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = held();
    let [bytes, measured, most] = [0, 0, 0];
    await engine.run(plan(script), {
      started: () => undefined,
      stdout: (chunk) => {
        bytes += chunk.length;
        if (bytes - measured < 5 * MIB) return;
        measured = bytes;
        most = Math.max(most, held() - before);
      },
      stderr: () => undefined,
    }, new AbortController().signal);
    expect(bytes).toBeGreaterThan(59 * MIB);
    expect(measured).toBeGreaterThan(50 * MIB);
    expect(most).toBeLessThan(10 * MIB);
  });

  it('measures memory and CPU', async () => {
    const { exit } = await run(plan(`const held = Buffer.alloc(80 * 1024 * 1024, 1); const until = Date.now() + 1500; while (Date.now() < until); if (held.length === 0) throw 0;`));
    expect(exit.peakMemoryBytes).toBeGreaterThan(10 * MIB);
    expect(exit.peakMemoryBytes).toBeLessThanOrEqual(256 * MIB);
    expect(exit.cpuSeconds).toBeGreaterThan(0);
  });

  it('does not mind a program that never reads its stdin', async () => {
    expect((await run(plan('process.exit(0)', { stdin: `${'x'.repeat(4 * MIB)}\n` }))).exit.exitCode).toBe(0);
  });
});

describe('how a container ends', () => {
  const EAT = `const held = []; for (;;) held.push(Buffer.alloc(8 * 1024 * 1024, 1));`;

  it('tells the memory limit', async () => {
    const { exit } = await run(plan(EAT, { memoryBytes: 64 * MIB }));
    expect(exit).toMatchObject({ exitCode: 137, oomKilled: true });
  });

  it('tells that a child died of it although the main process ended well', async () => {
    const { exit, stdout } = await run(plan(`
      const child = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(EAT)}], { stdio: 'ignore' });
      child.on('exit', (code, signal) => { console.log('child: ' + signal); process.exit(0); });`, { memoryBytes: 128 * MIB }));
    expect(stdout).toBe('child: SIGKILL\n');
    expect(exit).toMatchObject({ exitCode: 0, oomKilled: true });
  });

  it('tells a kill from outside apart from it', async () => {
    const planned = plan('setInterval(() => {}, 1e6)');
    const running = run(planned);
    await docker.kill(await waitFor('the container', () => docker.runningContainer(taskOf(planned))));
    expect((await running).exit).toMatchObject({ exitCode: 137, oomKilled: false });
  });

  it.each([0, 1, 42, 255])('gives exit code %i', async (code) => {
    expect((await run(plan(`process.exit(${code})`))).exit.exitCode).toBe(code);
  });
});

describe('what cannot start', () => {
  // It is Docker's init that finds out, inside the started container: its exit code must not pass for the pipeline's.
  it.each(['/nonexistent/program', 'no-such-program', '/etc/passwd'])('says so for the command %s, and leaves nothing', async (command) => {
    await expect(run(plan('', { command: [command] }))).rejects.toMatchObject({ code: 'CONTAINER_START_FAILED', message: expect.stringContaining(`exec ${command} failed`) });
  });

  it.each([126, 127])('is not what a pipeline means that exits with %i', async (code) => {
    expect((await run(plan(`console.error('exec failed: not found'); process.exit(${code})`))).exit.exitCode).toBe(code);
  });

  it('says that the image is missing and may not be pulled', async () => {
    let pulls = 0;
    await expect(engine.ensureImage('function-runner/no-such-image:1', new AbortController().signal, () => (pulls += 1))).rejects.toMatchObject({ code: 'IMAGE_NOT_AVAILABLE', message: expect.stringContaining('IMAGE_PULL=never') });
    expect(pulls).toBe(0);
    await expect(run(plan('', { image: 'function-runner/no-such-image:1' }))).rejects.toMatchObject({ code: 'IMAGE_NOT_AVAILABLE', message: expect.stringContaining('docker load') });
    expect([await engine.hasImage('function-runner/no-such-image:1'), await engine.hasImage(image)]).toEqual([false, true]);
  });

  it('says that an image cannot be pulled', async () => {
    const pulling = new DockerEngine({ dockerHost: process.env['DOCKER_HOST'], pull: 'missing' }, { id: () => Promise.resolve(docker.installId) }, logger);
    let pulls = 0;
    // A registry of our own that is not there: refused at once.
    await expect(pulling.ensureImage('127.0.0.1:9/me/image:1', new AbortController().signal, () => (pulls += 1))).rejects.toMatchObject({ code: 'IMAGE_NOT_AVAILABLE', message: expect.stringContaining('pulling it failed') });
    expect(pulls).toBe(1);
    await expect(pulling.ensureImage(image, new AbortController().signal, () => (pulls += 1))).resolves.toBeUndefined();
    expect(pulls).toBe(1);
  });

  it('makes no folder of the host that a mount names', async () => {
    const missing = join(folder.path, 'not-there');
    await expect(run(plan('', { mounts: [{ source: missing, target: '/x', readonly: true }] }))).rejects.toMatchObject({ code: 'CONTAINER_START_FAILED', message: expect.stringContaining('not-there') });
    expect(await readdir(folder.path)).not.toContain('not-there');
  });

  it('says so for a GPU that the engine cannot give, and what would help; a declared one needs no engine that can', async () => {
    const devices = { ids: ['GPU-00000000-0000-0000-0000-000000000000'], real: true };
    const { exit } = await run(plan('', { devices: { ...devices, real: false } }));
    expect(exit.exitCode).toBe(0);
    // Where the toolkit is installed the engine has a driver, which then knows no such GPU.
    const installed = spawnSync('sh', ['-c', 'command -v nvidia-container-runtime-hook']).status === 0;
    const expected = installed ? { code: 'GPU_UNAVAILABLE' } : { code: 'GPU_UNAVAILABLE', retryable: true, message: expect.stringMatching(/could not select device driver.*nvidia-container-toolkit.*GPU_INVENTORY=none/) };
    await expect(run(plan('', { devices }))).rejects.toMatchObject(expected);
  });

  it('says so for a daemon that is not there', async () => {
    const nowhere = new DockerEngine({ dockerHost: `unix://${folder.path}/no.sock`, pull: 'never' }, { id: () => Promise.resolve('x') }, logger);
    await expect(nowhere.version()).rejects.toThrow('ENOENT');
    await expect(nowhere.run(plan(''), { started: () => undefined, stdout: () => undefined, stderr: () => undefined }, new AbortController().signal)).rejects.toMatchObject({ name: 'EngineFault', kind: 'unreachable', mayStillRun: false });
    expect(await engine.version()).toMatch(/^\d+\./);
  });
});

describe('an abort', () => {
  const POLITE = `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); console.log('up'); setInterval(() => {}, 1e6);`;
  const STUBBORN = `process.on('SIGTERM', () => console.log('no')); console.log('up'); setInterval(() => {}, 1e6);`;

  async function abortWhenUp(script: string, graceSeconds: number): Promise<Ran & { ms: number }> {
    const controller = new AbortController();
    let from = 0;
    const ran = await run(plan(script, { graceSeconds }), controller.signal, (text) => {
      if (!text.includes('up')) return;
      from = performance.now();
      controller.abort();
    });
    return { ...ran, ms: performance.now() - from };
  }

  it('lets a pipeline end by itself, long before its grace is over', async () => {
    const { exit, stdout, ms } = await abortWhenUp(POLITE, 60);
    expect(stdout).toBe('up\nbye\n');
    expect(exit.exitCode).toBe(0);
    expect(ms).toBeLessThan(10_000);
  });

  it('kills one that ignores SIGTERM, after the grace', async () => {
    const { exit, stdout, ms } = await abortWhenUp(STUBBORN, 1);
    expect(stdout).toBe('up\nno\n');
    expect(exit).toMatchObject({ exitCode: 137, oomKilled: false });
    expect(ms).toBeGreaterThan(900);
  });

  it('ends a program that says nothing about signals', async () => {
    const { exit, ms } = await abortWhenUp(`console.log('up'); setInterval(() => {}, 1e6);`, 60);
    expect(exit.exitCode).toBe(143);
    expect(ms).toBeLessThan(10_000);
  });

  it('before the start leaves nothing running', async () => {
    const from = performance.now();
    expect((await run(plan('setInterval(() => {}, 1e6)', { graceSeconds: 60 }), AbortSignal.abort())).exit.exitCode).not.toBe(0);
    expect(performance.now() - from).toBeLessThan(30_000);
  });
});

describe('from inside a container', () => {
  /** Runs each expression and prints what came of it. */
  async function look<T extends string>(expressions: Record<T, string>, changes: Partial<ContainerPlan> = {}): Promise<Record<T, unknown>> {
    const { stdout } = await run(plan(`
      const fs = require('node:fs'); const os = require('node:os'); const { execFileSync } = require('node:child_process');
      const found = {}; const ask = { ${Object.entries<string>(expressions).map(([name, text]) => `${name}: () => ${text}`).join(', ')} };
      for (const [name, get] of Object.entries(ask)) { try { found[name] = get() ?? 'done'; } catch (error) { found[name] = error.code ?? String(error); } }
      console.log(JSON.stringify(found));`, changes));
    return JSON.parse(stdout) as Record<T, unknown>;
  }
  const status = (field: string): string => `/^${field}:\\s*(\\S+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]`;

  it('there are no rights', async () => {
    expect(await look({
      uid: 'process.getuid()', gid: 'process.getgid()', groups: 'process.getgroups().join()', effective: status('CapEff'), permitted: status('CapPrm'), bounding: status('CapBnd'), ambient: status('CapAmb'), noNewPrivileges: status('NoNewPrivs'), seccomp: status('Seccomp'),
      becomeRoot: 'process.setuid(0)', mount: `execFileSync('/bin/mount', ['-t', 'tmpfs', 'x', '/mnt'])`, chown: `fs.chownSync('/output', 0, 0)`,
      sysrq: `fs.writeFileSync('/proc/sysrq-trigger', 'b')`, hostname: `fs.writeFileSync('/proc/sys/kernel/hostname', 'x')`,
    })).toEqual({
      uid: 65_534, gid: 65_534, groups: expect.stringMatching(/^(65534)?$/), effective: '0000000000000000', permitted: '0000000000000000', bounding: '0000000000000000', ambient: '0000000000000000', noNewPrivileges: '1', seccomp: '2',
      becomeRoot: 'EPERM', mount: expect.stringMatching(/ENOENT|EPERM|EACCES/), chown: 'EPERM', sysrq: expect.stringMatching(/EACCES|EROFS|EPERM|ENOENT/), hostname: expect.stringMatching(/EACCES|EROFS|EPERM/),
    });
  });

  it('there is no network but the loopback', async () => {
    expect(await look({ interfaces: `fs.readdirSync('/sys/class/net').filter((name) => fs.readFileSync('/sys/class/net/' + name + '/operstate', 'utf8').trim() !== 'down').join()`, addresses: 'Object.keys(os.networkInterfaces()).join()', routes: `fs.readFileSync('/proc/net/route', 'utf8').trim().split('\\n').length` })).toEqual({ interfaces: 'lo', addresses: 'lo', routes: 1 });
  });

  it('nothing but the draft of the take and /tmp can be written', async () => {
    expect(await look({
      root: `fs.writeFileSync('/x', '')`, etc: `fs.writeFileSync('/etc/passwd', '')`, project: `fs.writeFileSync('/workspace/Film/x', '')`, model: `fs.writeFileSync('/models/m/weights.bin', '')`, removeModel: `fs.rmSync('/models/m/weights.bin')`,
      readModel: `fs.readFileSync('/models/m/weights.bin', 'utf8')`, output: `fs.writeFileSync('/output/x', '')`, tmp: `fs.writeFileSync('/tmp/x', '')`, socket: `fs.existsSync('/var/run/docker.sock')`, devices: `fs.existsSync('/dev/sda') || fs.existsSync('/dev/kmsg') || fs.existsSync('/dev/vda')`,
    })).toEqual({
      root: 'EROFS', etc: expect.stringMatching(/EROFS|EACCES/), project: 'EROFS', model: expect.stringMatching(/EROFS|EACCES/), removeModel: expect.stringMatching(/EROFS|EACCES/), readModel: 'weights', output: 'done', tmp: 'done', socket: false, devices: false,
    });
  });

  it('nothing in /tmp can be run', async () => {
    expect(await look({
      copied: `(fs.copyFileSync(process.execPath, '/tmp/node'), fs.chmodSync('/tmp/node', 0o755), 'copied')`, run: `execFileSync('/tmp/node', ['-e', ''])`, options: `fs.readFileSync('/proc/mounts', 'utf8').split('\\n').find((line) => line.includes(' /tmp ')).split(' ')[3].split(',').filter((option) => /^no/.test(option)).sort().join()`,
    }, { memoryBytes: 512 * MIB })).toEqual({ copied: 'copied', run: 'EACCES', options: expect.stringContaining('nodev,noexec,nosuid') });
  });

  it('a fork bomb ends', async () => {
    const { exit, stdout } = await run(plan(`
      const { spawn } = require('node:child_process'); let started = 0;
      const next = () => { const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' }); child.on('error', (error) => { console.log(error.code); process.exit(5); }); child.on('spawn', () => { started += 1; next(); }); };
      next();`, { memoryBytes: 4096 * MIB, cpus: 2 }));
    // Either fork is refused, or a thread of one of the many cannot be had.
    expect(stdout.trim()).toBe('EAGAIN');
    expect(exit.exitCode).toBe(5);
  });

  it('a full disk is seen by the pipeline', async () => {
    const disk = await SmallDisk.mount({ size: '1m' });
    if (disk === undefined) {
      expect(process.getuid?.()).not.toBe(0);
      return;
    }
    try {
      await chmod(disk.path, 0o777);
      expect(await look({ write: `fs.writeFileSync('/output/big', Buffer.alloc(2 * 1024 * 1024))` }, { mounts: [{ source: disk.path, target: '/output', readonly: false }] })).toEqual({ write: 'ENOSPC' });
    } finally {
      await disk.remove();
    }
  });
});

describe('containers that are not ours', () => {
  it('are neither found nor removed', async () => {
    const foreign = await docker.plant(image, containerLabels({ installId: 'somebody-else', workerId: 'w', taskId: 'task-x', attempt: 1, pipelineId: 'p', leaseId: 'l', serving: undefined }));
    const unlabelled = await docker.plant(image, {});
    const own = await docker.plant(image, containerLabels({ installId: docker.installId, workerId: 'w', taskId: 'task-x', attempt: 4, pipelineId: 'p', leaseId: 'lease-4', serving: undefined }));
    expect(await engine.find()).toEqual([{ id: own, taskId: 'task-x', attempt: 4, workerId: 'w', serving: undefined, leaseId: 'lease-4', ageMs: expect.any(Number) }]);
    expect(await engine.find('task-x')).toHaveLength(1);
    expect(await engine.find('task-y')).toEqual([]);
    await engine.remove(own);
    await engine.remove(own);
    expect([await docker.exists(own), await docker.exists(foreign), await docker.exists(unlabelled)]).toEqual([false, true, true]);
    await docker.stop();
  });
});
