import { readCliSettings } from './config/cli-settings.js';
import { PIPELINES_FOLDER, REAP_PROGRAM } from './config/repository.js';
import { runCli } from './run-cli.js';

process.exitCode = await runCli(process.argv.slice(2), {
  settings: readCliSettings,
  pipelinesFolder: PIPELINES_FOLDER,
  reapProgram: REAP_PROGRAM,
  terminal: { out: (line) => void process.stdout.write(`${line}\n`), err: (line) => void process.stderr.write(`${line}\n`) },
});
