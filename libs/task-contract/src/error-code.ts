/** Whose fault an error is: the caller's, the pipeline author's, the operator's, or ours and the machine's. */
export type Fault = 'client' | 'pipeline' | 'operator' | 'system';

/** What a code means. */
export interface ErrorCodeMeaning {
  /** `door`: the request is refused and no task exists; `run`: a task ended with it. (`NO_CAPABLE_WORKER` ends tasks that wait, too.) */
  at: 'door' | 'run';
  fault: Fault;
  /** Whether the same request can succeed later without anybody mending anything. */
  retryable: boolean;
  /** HTTP status of the problem details. */
  status: number;
  /** What it means, for the reference in docs. */
  meaning: string;
}

/** The closed set of error codes. Nothing else ever reaches a client. */
export const ERROR_CODES = {
  VALIDATION_FAILED: { at: 'door', fault: 'client', retryable: false, status: 400, meaning: 'A field is missing or has a wrong type or value; `details` names each.' },
  UNAUTHENTICATED: { at: 'door', fault: 'client', retryable: false, status: 401, meaning: 'The token is missing, wrong or expired.' },
  FORBIDDEN: { at: 'door', fault: 'client', retryable: false, status: 403, meaning: 'The caller may not do this.' },
  RATE_LIMITED: { at: 'door', fault: 'client', retryable: true, status: 429, meaning: 'Too many requests from this project; try again later.' },
  PAYLOAD_TOO_LARGE: { at: 'door', fault: 'client', retryable: false, status: 413, meaning: 'The request is larger than the stated limit.' },
  PROJECT_NOT_FOUND: { at: 'door', fault: 'client', retryable: false, status: 404, meaning: 'No such project; create it with PUT /v1/projects/:id.' },
  TASK_NOT_FOUND: { at: 'door', fault: 'client', retryable: false, status: 404, meaning: 'No such task, or its history has expired.' },
  UNKNOWN_NODE_TYPE: { at: 'door', fault: 'client', retryable: false, status: 400, meaning: 'No pipeline serves this node type in the project’s tier; `details` lists the known ones.' },
  QUEUE_FULL: { at: 'door', fault: 'operator', retryable: true, status: 503, meaning: 'The tier’s queue holds as many tasks as it may.' },
  UNAVAILABLE: { at: 'door', fault: 'system', retryable: true, status: 503, meaning: 'Redis cannot take the request now.' },
  NO_CAPABLE_WORKER: { at: 'door', fault: 'operator', retryable: false, status: 503, meaning: 'No live worker could ever run this task. A task that waits ends with it once that has been so for CAPABLE_WORKER_WAIT.' },
  DISPATCH_FAILED: { at: 'door', fault: 'system', retryable: true, status: 500, meaning: 'The task could not be queued.' },
  SHUTTING_DOWN: { at: 'door', fault: 'system', retryable: true, status: 503, meaning: 'This process is draining; connect again.' },
  IMAGE_NOT_AVAILABLE: { at: 'run', fault: 'operator', retryable: false, status: 500, meaning: 'The pipeline’s container image is not on the host and cannot be pulled.' },
  MODEL_NOT_FOUND: { at: 'run', fault: 'operator', retryable: false, status: 500, meaning: 'The pipeline’s model is not in the store.' },
  MODEL_CORRUPT: { at: 'run', fault: 'operator', retryable: false, status: 500, meaning: 'A model file differs from its manifest.' },
  WORKSPACE_UNAVAILABLE: { at: 'run', fault: 'operator', retryable: true, status: 503, meaning: 'The worker cannot read or write the project’s folder.' },
  INPUT_NOT_FOUND: { at: 'run', fault: 'client', retryable: false, status: 404, meaning: 'A file named in the parameters is not in the project.' },
  PATH_NOT_ALLOWED: { at: 'run', fault: 'client', retryable: false, status: 403, meaning: 'A path leaves the project.' },
  TIMEOUT: { at: 'run', fault: 'pipeline', retryable: true, status: 504, meaning: 'The run took longer than its tier or pipeline allows.' },
  OUT_OF_MEMORY: { at: 'run', fault: 'pipeline', retryable: false, status: 500, meaning: 'The container reached its memory limit and was killed.' },
  CONTAINER_EXITED: { at: 'run', fault: 'pipeline', retryable: false, status: 500, meaning: 'The pipeline ended with an error.' },
  CONTAINER_START_FAILED: { at: 'run', fault: 'pipeline', retryable: false, status: 500, meaning: 'The container could not be started.' },
  PROTOCOL_VIOLATION: { at: 'run', fault: 'pipeline', retryable: false, status: 500, meaning: 'The pipeline broke the stdio protocol.' },
  OUTPUT_MISSING: { at: 'run', fault: 'pipeline', retryable: false, status: 500, meaning: 'The pipeline ended well and left no output, or not the one it named.' },
  OUTPUT_TOO_LARGE: { at: 'run', fault: 'pipeline', retryable: false, status: 500, meaning: 'The take is larger than the stated limit.' },
  NO_SPACE: { at: 'run', fault: 'operator', retryable: true, status: 507, meaning: 'The disk of the workspace is full.' },
  GPU_UNAVAILABLE: { at: 'run', fault: 'operator', retryable: true, status: 503, meaning: 'The GPU that the run was to use cannot be had.' },
  WORKER_LOST: { at: 'run', fault: 'system', retryable: true, status: 500, meaning: 'The workers that ran the task died, time after time.' },
  INTERNAL: { at: 'run', fault: 'system', retryable: true, status: 500, meaning: 'An error of the runner or its container engine.' },
} as const satisfies Record<string, ErrorCodeMeaning>;

export type ErrorCode = keyof typeof ERROR_CODES;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}
