import { PipelineFailure } from './pipeline-failure.js';

/** A task as the runner hands it over, reduced to what this pipeline reads. */
export interface Task {
  readonly taskId: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Absolute paths inside the container. */
  readonly workspacePath: string;
  readonly outputDir: string;
  readonly modelsPath: string;
}

/** Folders that hold where the task line names none; the container's environment has them too. */
export interface TaskDefaults {
  readonly workspacePath: string;
  readonly outputDir?: string;
  readonly modelsPath: string;
}

/** Reads one task line of the stdio protocol, version 1. */
export function readTaskLine(line: string, defaults: TaskDefaults): Task {
  let task: unknown;
  try {
    task = JSON.parse(line);
  } catch (error) {
    throw new PipelineFailure('PROTOCOL_VIOLATION', 'The task on stdin is not one line of JSON.', { cause: error });
  }
  if (!isRecord(task)) throw new PipelineFailure('PROTOCOL_VIOLATION', 'The task on stdin is not a JSON object.');
  const { protocol, parameters, taskId } = task;
  if (protocol !== 1) throw new PipelineFailure('PROTOCOL_VIOLATION', `This pipeline speaks protocol 1, not ${JSON.stringify(protocol) ?? 'none'}.`);
  if (!isRecord(parameters)) throw new PipelineFailure('PROTOCOL_VIOLATION', 'The task has no parameters.');
  const outputDir = task['outputDir'] ?? defaults.outputDir;
  if (typeof outputDir !== 'string') throw new PipelineFailure('PROTOCOL_VIOLATION', 'The task names no outputDir.');
  return {
    taskId: typeof taskId === 'string' ? taskId : '',
    parameters,
    workspacePath: stringOr(task['workspacePath'], defaults.workspacePath),
    outputDir,
    modelsPath: stringOr(task['modelsPath'], defaults.modelsPath),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function stringOr(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}
