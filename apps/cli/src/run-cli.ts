import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import type { CliSettings } from './config/cli-settings.js';
import { initModels } from './models/init-models.command.js';
import { listModels } from './models/list-models.command.js';
import { verifyModels } from './models/verify-models.command.js';
import { listPipelines } from './pipelines/list-pipelines.command.js';
import { reap } from './reap/reap.command.js';
import type { Terminal } from './terminal/terminal.js';

/** What the commands work with. */
export interface CliContext {
  /** Read when a command wants them, so that help works in any environment. */
  settings: () => CliSettings;
  pipelinesFolder: string;
  /** The worker's program behind `runner reap`. */
  reapProgram: string;
  terminal: Terminal;
}

interface RootOption {
  root?: string;
}

/** Runs a command line (without program names). @returns the exit status: 0, or 1 where something is wrong. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  const { terminal } = context;
  let sound = true;
  try {
    const program = commands(context, (outcome) => (sound = outcome));
    await program.parseAsync([...argv], { from: 'user' });
    return sound ? 0 : 1;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    terminal.err(`runner: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

function commands({ settings, pipelinesFolder, reapProgram, terminal }: CliContext, report: (sound: boolean) => void): Command {
  const rootOf = ({ root }: RootOption): string => (root === undefined ? settings().modelsRoot : resolve(root));
  const program = withTerminal(new Command('runner'), terminal).description('Looks after what the function runner runs.');

  const models = program.command('models').description('the model store');
  withRoot(models.command('init'))
    .description('create the store and install the reference models and pipelines; what is there stays')
    .option('--replace', 'put the reference pipelines over files that differ from them')
    .action(async (options: RootOption & { replace?: boolean }) => {
      await initModels(rootOf(options), pipelinesFolder, options.replace === true, terminal);
    });
  withRoot(models.command('list'))
    .description('every version of every model')
    .action(async (options: RootOption) => { report(await listModels(rootOf(options), terminal)); });
  withRoot(models.command('verify'))
    .description('compare every file with its sha256; exits 1 where one differs')
    .option('--quick', 'compare sizes only')
    .action(async (options: RootOption & { quick?: boolean }) => { report(await verifyModels(rootOf(options), options.quick === true, terminal)); });

  const pipelines = program.command('pipelines').description('the pipelines of the model store');
  withRoot(pipelines.command('list'))
    .description('each pipeline with its image and model')
    .action(async (options: RootOption) => { report(await listPipelines(rootOf(options), terminal)); });

  program.command('reap')
    .description('remove containers and folders of this installation that nobody owns, as every worker does by itself; exits 1 where Redis or the container engine does not answer')
    .option('--dry-run', 'only say what would be removed, and why')
    .action(async ({ dryRun }: { dryRun?: boolean }) => { report(await reap(reapProgram, dryRun === true, terminal)); });
  return program;
}

function withRoot(command: Command): Command {
  return command.option('--root <folder>', 'root of the model store (default: MODELS_ROOT, or Library/AI_Models of WORKSPACE_ROOT)');
}

/** Commands made from this one inherit it. */
function withTerminal(command: Command, terminal: Terminal): Command {
  return command.exitOverride().configureOutput({
    writeOut: (text) => { terminal.out(text.trimEnd()); },
    writeErr: (text) => { terminal.err(text.trimEnd()); },
  });
}
