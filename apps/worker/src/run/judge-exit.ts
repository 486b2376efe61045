import { isErrorCode, TaskError, type ErrorCode } from '@function-runner/task-contract';
import type { ContainerExit } from '../container/container-engine.port.js';

/** What is known of a container that ended by itself. */
export interface ExitFacts {
  exit: ContainerExit;
  /** The error that the pipeline reported, if any. */
  reported: { code: string; message: string } | undefined;
  /** What it did against the protocol, if anything. */
  violation: string | undefined;
  memoryBytes: number;
  lastLogLine: string | undefined;
}

/** Codes that a pipeline may report as they are; any other word of its own becomes part of the sentence. */
const PIPELINE_CODES = new Set<ErrorCode>([
  'VALIDATION_FAILED', 'INPUT_NOT_FOUND', 'PATH_NOT_ALLOWED', 'MODEL_NOT_FOUND', 'MODEL_CORRUPT', 'OUT_OF_MEMORY', 'OUTPUT_TOO_LARGE', 'NO_SPACE', 'GPU_UNAVAILABLE',
]);

/** Exit code of a process that SIGKILL ended. */
const KILLED = 137;

/**
 * Judges how a container ended: undefined for success. `OOMKilled` alone decides nothing: it can be true with exit
 * code 0, when a child process died and the pipeline went on; and 137 without it is a kill from outside.
 */
export function judgeExit({ exit, reported, violation, memoryBytes, lastLogLine }: ExitFacts): TaskError | undefined {
  if (exit.exitCode === 0 && violation === undefined && reported === undefined) return undefined;
  if (exit.exitCode !== 0 && exit.oomKilled) {
    return new TaskError('OUT_OF_MEMORY', `the pipeline reached its memory limit of ${Math.round(memoryBytes / 1024 ** 2)} MiB and was killed; give it more in its pipeline.json, or a smaller input`);
  }
  if (reported !== undefined) {
    return isErrorCode(reported.code) && PIPELINE_CODES.has(reported.code)
      ? new TaskError(reported.code, reported.message)
      : new TaskError('CONTAINER_EXITED', `the pipeline reported ${reported.code === '' ? 'an error' : reported.code}: ${reported.message}`);
  }
  if (violation !== undefined) return new TaskError('PROTOCOL_VIOLATION', `the pipeline broke the stdio protocol: ${violation}`);
  if (exit.exitCode === KILLED) return new TaskError('CONTAINER_EXITED', 'the pipeline was killed from outside (exit code 137, and not for its memory)');
  return new TaskError('CONTAINER_EXITED', `the pipeline ended with exit code ${exit.exitCode}${lastLogLine === undefined ? '' : `; its last line: ${lastLogLine.slice(0, 300)}`}`);
}
