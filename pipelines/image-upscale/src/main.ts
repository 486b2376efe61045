import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { readArguments } from './pipeline-arguments.js';
import { PipelineFailure } from './pipeline-failure.js';
import { ProtocolWriter } from './protocol-writer.js';
import { runTask } from './run-task.js';
import { readTaskLine } from './task-line.js';
import { UpscaleModel } from './upscale-model.js';

/** Exit codes a shell would give for the two signals that end a task. */
const EXIT_CODES = { SIGTERM: 143, SIGINT: 130 } as const;
/** How long a cancelled task may take to tidy up, in ms; the runner kills after 5 s. */
const TIDY_UP_MS = 1000;

const events = new ProtocolWriter((line) => process.stdout.write(line));
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

process.exitCode = await runJob();
// Not left to the event loop: stdin may still be open, and WebAssembly's timers would keep the process.
process.exit();

/** Job mode: one task line on stdin, then the end. */
async function runJob(): Promise<number> {
  try {
    const { model, scale, range } = readArguments(process.argv.slice(2));
    const task = readTaskLine(await firstLine(), {
      workspacePath: process.env['WORKSPACE_PATH'] ?? '/workspace',
      modelsPath: process.env['MODELS_PATH'] ?? '/models',
      ...(process.env['OUTPUT_PATH'] ? { outputDir: process.env['OUTPUT_PATH'] } : {}),
    });
    const load = (modelsPath: string) => UpscaleModel.load({ folder: join(modelsPath, model), scale, range });
    await runTask(task, { scale, load }, events, cancel.signal);
    events.metric('peak_rss_bytes', process.resourceUsage().maxRSS * 1024);
    events.done();
    return 0;
  } catch (error) {
    if (cancel.signal.aborted) return Number(process.exitCode);
    const failure = PipelineFailure.from(error);
    if (failure.code === 'INTERNAL') console.error(error);
    events.error(failure.code, failure.message);
    return 1;
  }
}

async function firstLine(): Promise<string> {
  for await (const line of createInterface({ input: process.stdin, signal: cancel.signal })) return line;
  throw new PipelineFailure('PROTOCOL_VIOLATION', 'stdin ended before a task came.');
}
