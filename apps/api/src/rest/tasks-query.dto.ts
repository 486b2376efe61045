import { IsIn, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { Type } from 'class-transformer';
import { CLIENT_ID, TASK_STATES, type TaskState } from '@function-runner/task-contract';

/** The query of `GET /v1/tasks`. */
export class TasksQueryDto {
  @Matches(CLIENT_ID, { message: 'must be a project id' })
  projectId!: string;

  @IsOptional() @IsIn(TASK_STATES)
  status?: TaskState;

  /** Where an earlier page ended: its `nextCursor`. */
  @IsOptional() @IsString() @MaxLength(128)
  cursor?: string;

  /** Most tasks of a page; default 100. */
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(1000)
  limit?: number;
}
