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

/** Folders that hold where the task line names none; what has no default must be in the line. */
export interface TaskDefaults {
  readonly workspacePath?: string;
  readonly outputDir?: string;
  readonly modelsPath: string;
}

/** What a server is told. */
export type ServerLine = { readonly kind: 'task'; readonly task: Task } | { readonly kind: 'cancel'; readonly taskId: unknown };

/** Reads one task line of the stdio protocol, version 1. */
export function readTaskLine(line: string, defaults: TaskDefaults): Task {
  return taskOf(parse(line), defaults);
}

/** Reads a line of server mode: a task, or the cancel of one. */
export function readServerLine(line: string, defaults: TaskDefaults): ServerLine {
  const message = parse(line);
  if (message['type'] === 'cancel') return { kind: 'cancel', taskId: message['taskId'] };
  return { kind: 'task', task: taskOf(message, defaults) };
}

function parse(line: string): Record<string, unknown> {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch (error) {
    throw new PipelineFailure('PROTOCOL_VIOLATION', 'The task on stdin is not one line of JSON.', { cause: error });
  }
  if (!isRecord(message)) throw new PipelineFailure('PROTOCOL_VIOLATION', 'The task on stdin is not a JSON object.');
  return message;
}

function taskOf(message: Readonly<Record<string, unknown>>, defaults: TaskDefaults): Task {
  const { protocol, parameters, taskId } = message;
  if (protocol !== 1) throw new PipelineFailure('PROTOCOL_VIOLATION', `This pipeline speaks protocol 1, not ${JSON.stringify(protocol) ?? 'none'}.`);
  if (!isRecord(parameters)) throw new PipelineFailure('PROTOCOL_VIOLATION', 'The task has no parameters.');
  return {
    taskId: typeof taskId === 'string' ? taskId : '',
    parameters,
    workspacePath: folder('workspacePath'),
    outputDir: folder('outputDir'),
    modelsPath: folder('modelsPath'),
  };

  function folder(name: keyof TaskDefaults): string {
    const given = message[name];
    const path = typeof given === 'string' && given !== '' ? given : defaults[name];
    if (path === undefined) throw new PipelineFailure('PROTOCOL_VIOLATION', `The task names no ${name}.`);
    return path;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
