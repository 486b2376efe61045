import { Controller, Delete, Get, Headers, HttpCode, Param, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { CancelAcknowledgedPayload, TaskSummary } from '@function-runner/progress-protocol';
import { TASK_ID, TaskError } from '@function-runner/task-contract';
import { ProjectHistory, TaskStore } from '@function-runner/task-store';
import { CancelService } from '../dispatch/cancel.service.js';
import { parseRequest } from '../gateway/parse-request.js';
import { toTaskSummary } from '../progress/task-summary.js';
import { EventStreams } from './event-streams.js';
import { fromCursor, toCursor } from './page-cursor.js';
import { TasksQueryDto } from './tasks-query.dto.js';

const DEFAULT_LIMIT = 100;

/** Looks at tasks, follows and cancels them. */
@Controller('v1/tasks')
export class TasksController {
  constructor(
    private readonly store: TaskStore,
    private readonly history: ProjectHistory,
    private readonly cancels: CancelService,
    private readonly streams: EventStreams,
  ) {}

  /** A page of a project's tasks, the newest first; `nextCursor` leads to the next one and is missing on the last. */
  @Get()
  async list(@Query() query: unknown): Promise<{ tasks: TaskSummary[]; nextCursor?: string }> {
    // Express gives the query an object without a prototype.
    const { projectId, status, cursor, limit } = parseRequest(TasksQueryDto, { ...(query as object) });
    const { tasks, end } = await this.history.page(projectId, {
      limit: limit ?? DEFAULT_LIMIT, ...(status === undefined ? {} : { state: status }), ...(cursor === undefined ? {} : { after: fromCursor(cursor) }),
    });
    return { tasks: tasks.map(toTaskSummary), ...(end === undefined ? {} : { nextCursor: toCursor(end) }) };
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<TaskSummary> {
    const record = TASK_ID.test(id) ? await this.store.read(id) : undefined;
    if (record === undefined) throw notFound(id);
    return toTaskSummary(record);
  }

  /** 200 where the task has ended, by this or before; 202 while its worker stops it. */
  @Delete(':id')
  @HttpCode(200)
  async cancel(@Param('id') id: string, @Res({ passthrough: true }) response: Response): Promise<CancelAcknowledgedPayload> {
    if (!TASK_ID.test(id)) throw notFound(id);
    const acknowledged = await this.cancels.cancel(id, 'cancelled by a client');
    if (acknowledged.status === 'cancelling') response.status(202);
    return acknowledged;
  }

  /** Server-sent events; resolves once the stream is open, and the stream goes on by itself. */
  @Get(':id/events')
  async events(@Param('id') id: string, @Headers('last-event-id') lastEventId: string | undefined, @Res() response: Response): Promise<void> {
    if (!TASK_ID.test(id)) throw notFound(id);
    const lastSeq = lastEventId === undefined || lastEventId === '' ? 0 : Number(lastEventId);
    if (!Number.isSafeInteger(lastSeq) || lastSeq < 0) throw new TaskError('VALIDATION_FAILED', 'Last-Event-ID must be the seq of an event: a whole number from 0');
    await this.streams.open(id, lastSeq, response);
  }
}

function notFound(id: string): TaskError {
  return new TaskError('TASK_NOT_FOUND', `there is no task "${id.slice(0, 64)}", or its history has expired`);
}
