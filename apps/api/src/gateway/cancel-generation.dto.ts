import { Matches, ValidateIf } from 'class-validator';
import { CLIENT_ID, TASK_ID } from '@function-runner/task-contract';

/** `cancel_generation`: one task, or every task of a batch. */
export class CancelGenerationDto {
  @ValidateIf(({ taskId, batchId }: CancelGenerationDto) => taskId !== undefined || batchId === undefined)
  @Matches(TASK_ID, { message: 'must be a task id, as task_acknowledged names it (or give a batchId)' })
  taskId?: string;

  @ValidateIf(({ batchId }: CancelGenerationDto) => batchId !== undefined)
  @Matches(CLIENT_ID, { message: 'must be a batch id, as batch_acknowledged names it' })
  batchId?: string;
}
