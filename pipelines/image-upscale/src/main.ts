import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { readArguments, type PipelineArguments } from './pipeline-arguments.js';
import { PipelineFailure } from './pipeline-failure.js';
import { peakResidentBytes } from './process-memory.js';
import { ProtocolWriter } from './protocol-writer.js';
import { runTask } from './run-task.js';
import { readTaskLine } from './task-line.js';
import { TaskServer } from './task-server.js';
import { UpscaleModel } from './upscale-model.js';

/** Exit codes a shell would give for the two signals that end a task. */
const EXIT_CODES = { SIGTERM: 143, SIGINT: 130 } as const;
/** How long a cancelled task may take to tidy up, in ms; the runner kills after 5 s. */
const TIDY_UP_MS = 1000;

const modelsPath = process.env['MODELS_PATH'] ?? '/models';
const events = new ProtocolWriter(write);
const cancel = new AbortController();

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    process.exitCode = EXIT_CODES[signal];
    cancel.abort();
    setTimeout(() => process.exit(), TIDY_UP_MS).unref();
  });
}
// Nobody listens any more: there is no point in going on.
process.stdout.on('error', () => process.exit(1));

process.exitCode = await run();
// Not left to the event loop: stdin may still be open, and WebAssembly's timers would keep the process.
process.exit();

async function run(): Promise<number> {
  try {
    const choice = readArguments(process.argv.slice(2));
    await (choice.serve ? serveTasks(choice) : runJob(choice));
    return 0;
  } catch (error) {
    if (cancel.signal.aborted) return Number(process.exitCode);
    events.failed(error);
    return 1;
  }
}

/** Job mode: one task line on stdin, then the end. */
async function runJob(choice: PipelineArguments): Promise<void> {
  const task = readTaskLine(await firstLine(), {
    workspacePath: process.env['WORKSPACE_PATH'] ?? '/workspace',
    modelsPath,
    ...(process.env['OUTPUT_PATH'] ? { outputDir: process.env['OUTPUT_PATH'] } : {}),
  });
  await runTask(task, { scale: choice.scale, load: (path) => loadModel(choice, path) }, events, cancel.signal);
  events.metric('peak_rss_bytes', peakResidentBytes());
  events.done();
}

/** Server mode: the model first, then a task a line until stdin closes. */
async function serveTasks(choice: PipelineArguments): Promise<void> {
  const model = await loadModel(choice, modelsPath);
  await model.warmUp(cancel.signal);
  const server = new TaskServer(model, write);
  cancel.signal.addEventListener('abort', () => server.stop());
  events.ready();
  for await (const line of lines()) server.accept(line);
  await server.drained();
  cancel.signal.throwIfAborted();
}

function loadModel({ model, scale, range }: PipelineArguments, path: string): Promise<UpscaleModel> {
  return UpscaleModel.load({ folder: join(path, model), scale, range });
}

async function firstLine(): Promise<string> {
  for await (const line of lines()) return line;
  throw new PipelineFailure('PROTOCOL_VIOLATION', 'stdin ended before a task came.');
}

function lines(): AsyncIterable<string> {
  return createInterface({ input: process.stdin, signal: cancel.signal });
}

function write(line: string): void {
  process.stdout.write(line);
}
