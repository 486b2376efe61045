import { TaskError } from '@function-runner/task-contract';
import type { ContainerExit, ServingContainer } from '../container/container-engine.port.js';
import { ServingSession } from './serving-session.js';

/** A container as the engine hands it over: the test says what it prints and when it ends. */
class FakeContainer implements ServingContainer {
  readonly written: string[] = [];
  readonly stops: number[] = [];
  print: (text: string) => void = () => undefined;
  printError: (text: string) => void = () => undefined;
  end!: (exit: ContainerExit) => void;
  fail!: (error: Error) => void;
  readonly ended = new Promise<ContainerExit>((resolve, reject) => {
    this.end = resolve;
    this.fail = reject;
  });

  write(line: string): void {
    this.written.push(line);
  }

  memoryInUse(): number {
    return 7;
  }

  measure(): { end: () => { peakMemoryBytes: number } } {
    return { end: () => ({ peakMemoryBytes: 9 }) };
  }

  async stop(graceSeconds: number): Promise<void> {
    this.stops.push(graceSeconds);
    this.end({ exitCode: 143, oomKilled: false });
    await this.ended.catch(() => undefined);
  }
}

const reported: unknown[] = [];
const listener = { progress: (...report: unknown[]) => void reported.push(report), preview: () => undefined };
let container: FakeContainer;
let session: ServingSession;

beforeEach(() => {
  reported.length = 0;
  container = new FakeContainer();
  session = new ServingSession({ key: 'k', folder: '/f', graceSeconds: 0.05, lease: { id: 'l', amounts: {}, devices: [], taskId: undefined, warm: false, renewedAt: 0 }, pipelineId: 'p:1', project: undefined });
});

async function open(): Promise<void> {
  const opened = session.open((heard) => {
    container.print = (text) => heard.stdout(Buffer.from(text));
    container.printError = (text) => heard.stderr(Buffer.from(text));
    return Promise.resolve(container);
  });
  await new Promise(setImmediate);
  container.print('{"type":"ready"}\n');
  await opened;
}

const serve = (taskId = 't1', signal = new AbortController().signal, atOnce = new AbortController().signal): ReturnType<ServingSession['serve']> => session.serve(taskId, `{"taskId":"${taskId}"}\n`, listener, { signal, atOnce });

describe('ServingSession', () => {
  it('gives each task by its line, and what comes until its end is its own', async () => {
    await open();
    const first = serve('t1');
    expect([session.busy, session.served]).toEqual([true, 0]);
    container.print('{"type":"progress","progress":5,"step":"a"}\n{"type":"output","path":"x"}\n{"type":"do');
    container.print('ne"}\n{"type":"output","path":"nobody\'s"}\n{"type":"progress","progress":99}\n');
    expect(await first).toMatchObject({ ending: { kind: 'done' }, conversation: { outputs: [{ path: 'x' }] } });
    const second = serve('t2');
    container.print('{"type":"error","code":"NO_SPACE","message":"m"}\n');
    expect(await second).toMatchObject({ ending: { kind: 'done' }, conversation: { outputs: [], error: { code: 'NO_SPACE', message: 'm' } } });
    expect(container.written).toEqual(['{"taskId":"t1"}\n', '{"taskId":"t2"}\n']);
    expect(reported).toEqual([[5, 'a']]);
    expect([session.busy, session.served, session.unfit]).toEqual([false, 2, undefined]);
    expect(session.outputFolder('t2', 3)).toBe('/f/out/t2.3');
  });

  it('takes a task’s own word for its end, even where the container ends in the same breath', async () => {
    await open();
    const served = serve();
    container.print('{"type":"done"}');
    container.end({ exitCode: 3, oomKilled: false });
    expect(await served).toMatchObject({ ending: { kind: 'done' } });
    expect(session.unfit).toBe('its container ended');
  });

  it('says how the container ended under a task, its last words among the task’s', async () => {
    await open();
    const served = serve();
    container.printError('last words, no end of line');
    container.end({ exitCode: 137, oomKilled: true });
    const { conversation, ending } = await served;
    expect(ending).toEqual({ kind: 'container-gone', exit: { exitCode: 137, oomKilled: true } });
    expect(conversation.log.read()).toEqual(['last words, no end of line']);
    expect(session.memoryInUse).toBeUndefined();
    expect(session.isGone).toBe(true);
  });

  it('says so where how it ended cannot be told', async () => {
    await open();
    const served = serve();
    const failure = new Error('the daemon went away');
    container.fail(failure);
    expect(await served).toMatchObject({ ending: { kind: 'container-gone', failure } });
    // Nobody has seen it end.
    expect(session.isGone).toBe(false);
  });

  it('knows one as gone of which the engine says that it never ran', async () => {
    await open();
    const served = serve();
    container.fail(new TaskError('CONTAINER_START_FAILED', 'no such program'));
    expect(await served).toMatchObject({ ending: { kind: 'container-gone' } });
    expect(session.isGone).toBe(true);
  });

  it('writes to no container that has ended: the task ends with it', async () => {
    await open();
    container.end({ exitCode: 0, oomKilled: false });
    await session.whenGone;
    expect(await serve()).toMatchObject({ ending: { kind: 'container-gone' } });
    expect(container.written).toEqual([]);
  });

  it('sends a cancel once, and lets one that heeds it serve on', async () => {
    await open();
    const controller = new AbortController();
    const served = serve('t1', controller.signal);
    controller.abort();
    expect(container.written.at(-1)).toBe('{"type":"cancel","taskId":"t1"}\n');
    container.print('{"type":"error","code":"CANCELLED","message":""}\n');
    await served;
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect([container.stops, session.unfit, container.written.length]).toEqual([[], undefined, 2]);
  });

  it('kills one that does not heed it within the grace', async () => {
    await open();
    const controller = new AbortController();
    controller.abort();
    expect(await serve('t1', controller.signal)).toMatchObject({ ending: { kind: 'container-gone' } });
    expect(container.written).toEqual(['{"taskId":"t1"}\n', '{"type":"cancel","taskId":"t1"}\n']);
    expect([container.stops, session.unfit]).toEqual([[0], 'a cancel was not honoured within its grace']);
  });

  it('is killed where there is no time for a grace, before or during a task', async () => {
    await open();
    const now = new AbortController();
    const serving = serve('t1', now.signal, now.signal);
    now.abort({ kind: 'superseded' });
    expect([container.stops, session.unfit]).toEqual([[0], 'its task was stopped at once']);
    expect((await serving).ending.kind).toBe('container-gone');
  });

  it('says since when it waits: from its last task, or from its rest', async () => {
    await open();
    const opened = session.idleSince;
    const served = serve();
    container.print('{"type":"done"}\n');
    await served;
    const afterTask = session.idleSince;
    session.rest();
    expect([afterTask > opened, session.idleSince > afterTask, session.idleAt <= Date.now()]).toEqual([true, true, true]);
    expect(session.isGone).toBe(false);
  });

  it('is unfit after a breach of the protocol', async () => {
    await open();
    const served = serve();
    for (let index = 0; index < 10_001; index += 1) container.print('{"type":"output","path":"a"}\n');
    container.print('{"type":"done"}\n');
    await served;
    expect(session.unfit).toContain('more than 10000 outputs');
  });

  it('ends a container that was stopped while it was being started', async () => {
    let started!: (container: ServingContainer) => void;
    const opened = session.open(() => new Promise((resolve) => (started = resolve)));
    await session.stop(0);
    started(container);
    await opened;
    expect(container.stops).toEqual([0]);
    expect(session.ended).toMatchObject({ how: { exit: { exitCode: 143 } } });
  });

  it('knows the error that came before it was ready, and none that comes later', async () => {
    const opened = session.open((heard) => {
      heard.stdout(Buffer.from('loading\n{"type":"error","code":"MODEL_CORRUPT","message":"cut"}\n'));
      container.end({ exitCode: 1, oomKilled: false });
      return Promise.resolve(container);
    });
    await opened;
    expect(session.openingError).toEqual({ code: 'MODEL_CORRUPT', message: 'cut' });
    expect(session.ended?.log).toContain('loading');
  });
});
