import { Body, Controller, Get, Inject, Param, Put } from '@nestjs/common';
import { DEFAULT_TIER } from '@function-runner/pipeline-schema';
import { CLIENT_ID, TaskError } from '@function-runner/task-contract';
import { ProjectStore, type ProjectRecord } from '@function-runner/task-store';
import { parseRequest } from '../gateway/parse-request.js';
import { PROJECT_DIRECTORY, type ProjectDirectory } from '../projects/project-directory.port.js';
import { ProjectDto } from './project.dto.js';

/** Makes projects known, for editors that have no project service of their own. */
@Controller('v1/projects')
export class ProjectsController {
  constructor(
    private readonly store: ProjectStore,
    @Inject(PROJECT_DIRECTORY) private readonly directory: ProjectDirectory,
  ) {}

  @Put(':id')
  async put(@Param('id') id: string, @Body() body: unknown): Promise<ProjectRecord> {
    if (!CLIENT_ID.test(id)) throw new TaskError('VALIDATION_FAILED', 'the project id must be of letters, digits, ".", "_" and "-", at most 128, the first a letter or digit');
    const { name, quality } = parseRequest(ProjectDto, body);
    const project = { id, name, quality: quality ?? DEFAULT_TIER };
    await this.store.put(project);
    return project;
  }

  @Get(':id')
  async read(@Param('id') id: string): Promise<ProjectRecord> {
    const project = CLIENT_ID.test(id) ? await this.directory.find(id) : undefined;
    if (project === undefined) throw new TaskError('PROJECT_NOT_FOUND', `there is no project "${id.slice(0, 128)}"; create it with PUT /v1/projects/:id`);
    return project;
  }
}
