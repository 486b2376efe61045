import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { ERROR_CODES, TaskError, type ErrorCode } from '@function-runner/task-contract';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { toTaskError } from '../redis/redis-fault.js';

/** RFC 9457 problem details, with our code and its facts. */
export interface ProblemDetails {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  details?: unknown;
}

/** Turns whatever a REST handler throws, and whatever Express refuses before one, into problem details. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Rest');

  constructor(private readonly metrics: ApiMetrics) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<Request>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = toProblem(exception);
    if (problem.code === 'INTERNAL') this.logger.error({ msg: `${request.method} ${request.path} failed`, err: exception });
    this.metrics.requests.inc({ name: 'rest', outcome: problem.code });
    if (response.headersSent) {
      response.end();
      return;
    }
    if (ERROR_CODES[problem.code].retryable) response.setHeader('Retry-After', '1');
    response.status(problem.status).type('application/problem+json').send(JSON.stringify(problem));
  }
}

/** Any error as problem details. */
export function toProblem(exception: unknown): ProblemDetails {
  const status = httpStatusOf(exception);
  if (status === 413) return describe(new TaskError('PAYLOAD_TOO_LARGE', 'the body is larger than MAX_PAYLOAD allows; put large data into a file of the project and name its path'));
  // Express, the body parser and Nest's router refuse with a status of the 4xx: a missing route, a broken JSON.
  if (status !== undefined && status < 500) return describe(new TaskError('VALIDATION_FAILED', (exception as Error).message), status);
  return describe(toTaskError(exception, 'INTERNAL'));
}

function describe({ code, message, details }: TaskError, status: number = ERROR_CODES[code].status): ProblemDetails {
  return {
    type: `urn:function-runner:problem:${code}`, title: ERROR_CODES[code].meaning, status, detail: message, code,
    ...(details === undefined ? {} : { details }),
  };
}

function httpStatusOf(exception: unknown): number | undefined {
  if (exception instanceof HttpException) return exception.getStatus();
  if (exception instanceof Error && 'status' in exception && typeof exception.status === 'number') return exception.status;
  return undefined;
}
