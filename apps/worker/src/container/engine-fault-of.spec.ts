import { expect, it } from '@jest/globals';
import { TaskError } from '@function-runner/task-contract';
import { EngineFault } from './engine-fault.js';
import { engineFaultOf, type EngineQuestion } from './engine-fault-of.js';

/** An answer of the daemon, as dockerode throws it. */
function answer(statusCode: number, message: string): Error {
  return Object.assign(new Error(`(HTTP code ${statusCode}) - ${message}`), { statusCode, json: { message } });
}

function socketError(code: string, message = `connect ${code} /var/run/docker.sock`): Error {
  return Object.assign(new Error(message), { code });
}

function named(name: string): Error {
  return Object.assign(new Error('The operation was aborted'), { name });
}

const OCI = 'failed to create shim: OCI runtime create failed: container_linux.go:380: starting container process caused:';

it.each<[string, EngineQuestion, unknown, string]>([
  ['nobody listens', 'create', socketError('ECONNREFUSED'), 'unreachable'],
  ['no socket', 'list', socketError('ENOENT'), 'unreachable'],
  ['cut off while it answered', 'create', socketError('ECONNRESET', 'socket hang up'), 'unreachable'],
  ['cut off while it was asked', 'start', socketError('EPIPE', 'write EPIPE'), 'unreachable'],
  ['cut off in a pull', 'pull', socketError('ECONNRESET', 'aborted'), 'unreachable'],
  ['no more files for this process', 'create', socketError('EMFILE'), 'unreachable'],
  ['no more files for the host', 'attach', socketError('ENFILE'), 'unreachable'],
  ['no answer in time', 'create', named('TimeoutError'), 'unresponsive'],
  ['given up', 'inspect', named('AbortError'), 'unresponsive'],
  ['its disk is full at a create', 'create', answer(500, 'mkdir /var/lib/docker/overlay2/x-init: no space left on device'), 'no-space'],
  ['its disk is full at a start', 'start', answer(500, 'error creating overlay mount: No space left on device'), 'no-space'],
  ['its disk is full at a pull', 'pull', new Error('failed to register layer: write /usr/lib/x: no space left on device'), 'no-space'],
  ['libnetwork failed', 'start', answer(500, 'failed to create endpoint x on network none: could not find a free address'), 'failed'],
  ['its containerd is gone', 'start', answer(500, `connection error: desc = "transport: error while dialing: dial unix:///run/containerd.sock: connect: connection refused"`), 'failed'],
  ['the host has no more files', 'start', answer(500, `${OCI} process_linux.go:1: pipe2: too many open files: unknown`), 'failed'],
  ['the host has no more processes', 'start', answer(500, `${OCI} fork/exec /proc/self/exe: resource temporarily unavailable: unknown`), 'failed'],
  ['the daemon ends', 'create', answer(503, 'daemon is shutting down'), 'failed'],
  ['the container was removed under the start', 'start', answer(404, 'No such container: x'), 'failed'],
  ['the container is being removed', 'start', answer(409, 'container is marked for removal and cannot be started'), 'failed'],
  ['the container was removed before the attach', 'attach', answer(404, 'No such container: x'), 'failed'],
  ['an inspect fails', 'inspect', answer(500, 'layer does not exist'), 'failed'],
  ['a removal fails', 'remove', answer(500, 'driver "overlay2" failed to remove root filesystem: device or resource busy'), 'failed'],

  ['no such image', 'create', answer(404, 'No such image: me/none:1'), 'IMAGE_NOT_AVAILABLE'],
  ['the registry says no', 'pull', answer(404, 'pull access denied for me/none'), 'IMAGE_NOT_AVAILABLE'],
  ['the registry is away', 'pull', answer(500, 'Get "https://x/v2/": dial tcp 127.0.0.1:9: connect: connection refused'), 'IMAGE_NOT_AVAILABLE'],
  ['the registry fails on the way', 'pull', new Error('manifest unknown'), 'IMAGE_NOT_AVAILABLE'],
  ['no such program', 'start', answer(400, `${OCI} exec: "/nonexistent": stat /nonexistent: no such file or directory: unknown`), 'CONTAINER_START_FAILED'],
  ['a mount that is no folder', 'start', answer(500, `${OCI} process_linux.go:545: container init caused: rootfs_linux.go:76: mounting "/a" to rootfs: not a directory: unknown`), 'CONTAINER_START_FAILED'],
  ['a source of a mount that is missing', 'create', answer(400, 'invalid mount config for type "bind": bind source path does not exist: /x'), 'CONTAINER_START_FAILED'],
  ['no runtime for GPUs', 'start', answer(500, 'could not select device driver "" with capabilities: [[gpu]]'), 'GPU_UNAVAILABLE'],
  ['the driver lost its GPU', 'start', answer(500, `${OCI} Auto-detected mode as 'legacy' nvidia-container-cli: initialization error: nvml error: driver not loaded: unknown`), 'GPU_UNAVAILABLE'],
  ['NVML cannot be initialised', 'start', answer(500, `${OCI} Failed to initialize NVML: Unknown Error: unknown`), 'GPU_UNAVAILABLE'],
  ['no such GPU', 'start', answer(400, `${OCI} nvidia-container-cli: device error: GPU-1: unknown device: unknown`), 'GPU_UNAVAILABLE'],
])('%s, asked to %s', (_, question, error, expected) => {
  const fault = engineFaultOf(question, error, 'me/none:1');
  expect(fault instanceof EngineFault ? fault.kind : fault.code).toBe(expected);
  expect(fault.cause).toBe(error);
  if (fault instanceof EngineFault) expect(fault.mayStillRun).toBe(false);
});

it('says what the daemon said, and what can be done', () => {
  expect(engineFaultOf('create', socketError('ECONNREFUSED')).message).toBe('the container engine went away when it was asked to create a container (connect ECONNREFUSED /var/run/docker.sock); see that it runs, and DOCKER_HOST');
  expect(engineFaultOf('start', answer(400, 'no such program'), 'me:1')).toMatchObject({ code: 'CONTAINER_START_FAILED', message: 'the container of me:1 did not start: no such program; check the pipeline’s command' });
});

it('leaves alone what has been judged', () => {
  for (const judged of [new EngineFault('failed', 'x'), new TaskError('TIMEOUT', 'x')]) expect(engineFaultOf('create', judged)).toBe(judged);
});
