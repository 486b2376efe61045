import { IsIn, IsObject, IsOptional, Matches } from 'class-validator';
import { NODE_TYPE } from '@function-runner/pipeline-schema';
import { CLIENT_ID, REQUEST_ID, TASK_PRIORITIES, type TaskPriority } from '@function-runner/task-contract';

/** `start_generation`, and the body of `POST /v1/generations`. */
export class StartGenerationDto {
  /** The editor's node. */
  @Matches(CLIENT_ID, { message: 'must be an id: letters, digits, ".", "_" and "-", at most 128, the first a letter or digit' })
  nodeId!: string;

  @Matches(NODE_TYPE, { message: 'must be a node type such as image_upscale' })
  nodeType!: string;

  @Matches(CLIENT_ID, { message: 'must be an id: letters, digits, ".", "_" and "-", at most 128, the first a letter or digit' })
  projectId!: string;

  /** What the pipeline is to work on; its own schema says more. */
  @IsObject({ message: 'must be an object' })
  parameters!: Record<string, unknown>;

  /** Makes a repetition harmless: the same id of the same project starts nothing twice within 24 h. */
  @IsOptional() @Matches(REQUEST_ID, { message: 'must be 1 to 128 printable characters without spaces' })
  requestId?: string;

  @IsOptional() @IsIn(TASK_PRIORITIES)
  priority?: TaskPriority;
}
