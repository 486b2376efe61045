import { Matches } from 'class-validator';
import { CLIENT_ID } from '@function-runner/task-contract';

/** `subscribe_project` and `unsubscribe_project`. */
export class ProjectSubscriptionDto {
  @Matches(CLIENT_ID, { message: 'must be an id: letters, digits, ".", "_" and "-", at most 128, the first a letter or digit' })
  projectId!: string;
}
