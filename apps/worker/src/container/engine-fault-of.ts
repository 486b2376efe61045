import { TaskError } from '@function-runner/task-contract';
import { EngineFault } from './engine-fault.js';

/** What an engine is asked for. */
export type EngineQuestion = 'ping' | 'image' | 'pull' | 'network' | 'create' | 'attach' | 'start' | 'wait' | 'inspect' | 'logs' | 'kill' | 'remove' | 'list';

/** The question as a sentence says it. */
const ASKED_TO: Record<EngineQuestion, string> = {
  ping: 'say that it is there', image: 'look for an image', pull: 'pull an image', network: 'make the internal network', create: 'create a container', attach: 'attach to a container', start: 'start a container',
  wait: 'wait for the end of a container', inspect: 'say how a container is', logs: 'give the output of a container', kill: 'kill a container', remove: 'remove a container', list: 'list the containers',
};

/** What the daemon, or the OCI hook of the NVIDIA toolkit, says where a container cannot be given the GPU that it is to have. */
const NO_GPU = /could not select device driver|nvidia-container-cli|Failed to initialize NVML|unresolvable CDI devices/;

const NO_SPACE = /no space left on device|disk quota exceeded/i;

/** The runtime refused what it was told to start: a program, a mount, a user that the image does not have. */
const RUNTIME_REFUSED = /OCI runtime (create|start) failed|failed to create shim task: OCI runtime|unable to find user/;

/** Within such a refusal, what is short on the host and not wrong with the container. */
const HOST_IS_SHORT = /too many open files|resource temporarily unavailable|cannot allocate memory|context (deadline exceeded|canceled)|connection refused|transport is closing|ttrpc: closed/i;

/** Of this process, not of the engine: no connection can be opened. */
const OUT_OF_FILES = ['EMFILE', 'ENFILE'];

/** This side gave the question up: its time was over. */
const GIVEN_UP = ['AbortError', 'TimeoutError'];

/**
 * Whose failure an engine's error is. Pure. A TaskError where another try elsewhere or later would end the same way, or
 * where somebody has something to mend; else an EngineFault, after which the task is tried again. What is one of them already stays so.
 */
export function engineFaultOf(question: EngineQuestion, error: unknown, image = ''): EngineFault | TaskError {
  if (error instanceof EngineFault || error instanceof TaskError) return error;
  const said = messageOf(error);
  const status = statusOf(error);
  if (NO_SPACE.test(said)) return new EngineFault('no-space', `the disk of the container engine is full (${said}); free some space below its data root`, { cause: error });
  if (status === undefined) return connectionFault(question, error, said, image);
  switch (question) {
    case 'create':
      // 404 is said of the image: everything else that a create names was checked before.
      if (status === 404) return imageNotAvailable(image, 'any more', error);
      return failedStart(status, said, image, error) ?? failed(question, said, error);
    case 'start':
      return failedStart(status, said, image, error) ?? failed(question, said, error);
    case 'pull':
      return imageNotAvailable(image, `and pulling it failed (${said})`, error);
    default:
      return failed(question, said, error);
  }
}

/** The HTTP status of a daemon's answer; undefined where it gave none. */
export function statusOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/** @returns what a run says whose image is not to be had */
export function imageNotAvailable(image: string, why: string, cause?: unknown): TaskError {
  return new TaskError('IMAGE_NOT_AVAILABLE', `the image ${image} is not on this host ${why}; load it with "docker load", build it, or name another image in the pipelines file`, { image }, { cause });
}

/** @returns what a run says whose program cannot be started */
export function startFailed(image: string, why: string, cause?: unknown): TaskError {
  return new TaskError('CONTAINER_START_FAILED', `the container of ${image} did not start: ${why}; check the pipeline’s command`, undefined, { cause });
}

function failedStart(status: number, said: string, image: string, cause: unknown): TaskError | undefined {
  if (NO_GPU.test(said)) {
    return new TaskError('GPU_UNAVAILABLE', `the container engine gives no GPU to containers: ${said}; install nvidia-container-toolkit on its host and restart it, or set GPU_INVENTORY=none`, undefined, { cause });
  }
  // 404 and 409 at a start: the container was removed under it, which others do who clear up after a worker that they hold dead.
  const refused = status >= 500 ? RUNTIME_REFUSED.test(said) && !HOST_IS_SHORT.test(said) : ![404, 409].includes(status);
  return refused ? startFailed(image, said, cause) : undefined;
}

function connectionFault(question: EngineQuestion, error: unknown, said: string, image: string): EngineFault | TaskError {
  const { name, code } = error as { name?: unknown; code?: unknown };
  if (typeof name === 'string' && GIVEN_UP.includes(name)) return new EngineFault('unresponsive', `the container engine did not answer in time when it was asked to ${ASKED_TO[question]}; look at it with "docker ps" on its host`, { cause: error });
  if (typeof code === 'string' && OUT_OF_FILES.includes(code)) return new EngineFault('unreachable', `the worker has too many files open to speak to the container engine (${said}); raise its limit (ulimit -n)`, { cause: error });
  // What a pull says of its registry comes as a line of its progress, not as an HTTP status or an error of the socket.
  if (question === 'pull' && code === undefined) return imageNotAvailable(image, `and pulling it failed (${said})`, error);
  return new EngineFault('unreachable', `the container engine went away when it was asked to ${ASKED_TO[question]} (${said}); see that it runs, and DOCKER_HOST`, { cause: error });
}

function failed(question: EngineQuestion, said: string, cause: unknown): EngineFault {
  return new EngineFault('failed', `the container engine failed to ${ASKED_TO[question]}: ${said}`, { cause });
}

function messageOf(error: unknown): string {
  const json = typeof error === 'object' && error !== null && 'json' in error ? error.json : undefined;
  if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') return json.message;
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string' ? error.message : String(error);
}
