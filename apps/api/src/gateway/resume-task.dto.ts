import { IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { TASK_ID } from '@function-runner/task-contract';

/** `resume_task`. */
export class ResumeTaskDto {
  @Matches(TASK_ID, { message: 'must be a task id, as task_acknowledged names it' })
  taskId!: string;

  /** The last seq that the client has seen; without it the whole story is told. */
  @IsOptional() @IsInt() @Min(0) @Max(Number.MAX_SAFE_INTEGER)
  lastSeq?: number;
}
