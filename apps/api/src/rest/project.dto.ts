import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { PROJECT_NAME } from '@function-runner/task-contract';

/** The body of `PUT /v1/projects/:id`. */
export class ProjectDto {
  /** The project's folder in the workspace. */
  @Matches(PROJECT_NAME, { message: 'must be a folder’s name: letters, digits, spaces, ".", "_" and "-", at most 64, the first a letter or digit, the last no space or dot' })
  name!: string;

  /** A tier, in any case; an unknown word or none counts as `standard`. */
  @IsOptional() @IsString() @MaxLength(64)
  quality?: string;
}
