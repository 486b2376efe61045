import { ArrayMaxSize, ArrayMinSize, IsArray, IsOptional, Matches } from 'class-validator';
import { CLIENT_ID } from '@function-runner/task-contract';

/** Most items of a batch. */
export const MAX_BATCH_ITEMS = 500;

/** `start_batch`. Its items are checked one by one, as `start_generation` is: a wrong one does not stop the others. */
export class StartBatchDto {
  /** Chosen by the client or made up here; the same again starts nothing twice. */
  @IsOptional() @Matches(CLIENT_ID, { message: 'must be an id: letters, digits, ".", "_" and "-", at most 128, the first a letter or digit' })
  batchId?: string;

  @Matches(CLIENT_ID, { message: 'must be an id: letters, digits, ".", "_" and "-", at most 128, the first a letter or digit' })
  projectId!: string;

  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(MAX_BATCH_ITEMS)
  items!: unknown[];
}
