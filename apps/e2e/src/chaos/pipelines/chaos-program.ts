/**
 * The program of the chaos pipelines, by protocol `stdio` in job and in server mode. What it makes follows from its
 * parameters alone (see expected-take.ts), and each file is written in two halves, so that a take of a run that was
 * ended in between would show.
 */
export const CHAOS_PROGRAM = `
const { createHash } = require('node:crypto');
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
const { dirname } = require('node:path');
const SERVES = process.argv[1] === 'serve';
const STEPS = 5;
const say = (message) => new Promise((done) => process.stdout.write(JSON.stringify(message) + '\\n', done));
const wait = (ms, signal) => new Promise((done, fail) => {
  const timer = setTimeout(done, ms);
  signal?.addEventListener('abort', () => { clearTimeout(timer); fail(Object.assign(new Error('told to stop'), { code: 'CANCELLED' })); });
});
const content = (seed, file, bytes) => Buffer.from(createHash('sha256').update(seed + '/' + file).digest('hex').repeat(Math.ceil(bytes / 64)).slice(0, bytes));
async function work({ parameters: wish, outputDir }, signal) {
  const files = Array.from({ length: wish.files }, (_, index) => ({ path: index === 0 ? 'note.txt' : 'frames/' + index + '.txt', data: content(wish.seed, index, wish.bytes) }));
  const half = (data) => Math.ceil(data.length / 2);
  for (let step = 1; step <= STEPS; step += 1) {
    await wait(wish.ms / STEPS, signal);
    await say({ type: 'progress', progress: step * 90 / STEPS, step: 'step ' + step + ' of ' + STEPS });
    if (step === 3) for (const { path, data } of files) { mkdirSync(dirname(outputDir + '/' + path), { recursive: true }); writeFileSync(outputDir + '/' + path, data.subarray(0, half(data))); }
  }
  if (wish.fails) throw Object.assign(new Error('failed as it was told to'), { code: 'ON_PURPOSE' });
  for (const { path, data } of files) {
    appendFileSync(outputDir + '/' + path, data.subarray(half(data)));
    await say({ type: 'output', path, mediaType: 'text/plain' });
  }
}
async function job() {
  let text = '';
  for await (const chunk of process.stdin) text += chunk;
  try {
    await work(JSON.parse(text));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 3;
  }
}
async function serve() {
  let current;
  const run = async (task) => {
    const controller = new AbortController();
    current = { taskId: task.taskId, controller };
    try {
      await work(task, controller.signal);
      await say({ type: 'done' });
    } catch (error) {
      await say({ type: 'error', code: error.code ?? 'FAILED', message: error.message });
    }
  };
  await say({ type: 'ready' });
  for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (message.type !== 'cancel') void run(message);
    else if (message.taskId === current?.taskId) current.controller.abort();
  }
}
void (SERVES ? serve() : job());
`;
